package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

// lasted is how long a watch must have gone on for the next one to be opened as if nothing had happened.
const lasted = maxPause

// Follower is a watch that goes on at the next node when one is lost. It is for one goroutine, which decides when to go on,
// from where, and with which services.
type Follower struct {
	Watching Watching
	At       Position // is moved along by events with an id

	client *Client
	node   *endpoint // that was asked last
	ahead  *endpoint // that is asked next, where that was told already
	failed int       // how many nodes were lost since the last event with an id
	brief  int       // how many watches in a row began and were lost before they had lasted
}

// NewFollower makes a watch that begins at the beginning.
func NewFollower(c *Client, w Watching) *Follower { return &Follower{Watching: w, client: c} }

// Node is the base URL of the node that was asked last.
func (f *Follower) Node() string { return f.node.url.String() }

// Once watches on one node until that is lost, take can't use what it sends, or ctx ends, and returns why. An error of take is
// passed on, and the node's.
func (f *Follower) Once(ctx context.Context, take func(wire.Event) error) error {
	f.client.upkeep.use()
	if f.ahead == nil {
		f.ahead = f.next()
	}
	f.node, f.ahead = f.ahead, nil
	var begun time.Time
	err := f.client.watch(ctx, f.node.url, f.Watching, &f.At, func(e wire.Event) error {
		f.client.upkeep.use()
		if begun.IsZero() {
			begun = time.Now()
		}
		if err := take(e); err != nil {
			return err
		}
		if e.ID != nil {
			f.failed = 0
		}
		return nil
	})
	if ctx.Err() != nil || errors.Is(err, errEnough) {
		return err
	}
	f.failed++
	if !begun.IsZero() {
		f.brief++
		if time.Since(begun) >= lasted {
			f.brief = 0
		}
	}
	all := f.client.nodes.fail(f.node)
	f.client.upkeep.trouble()
	if other, ok := errors.AsType[*otherCluster](err); ok && all {
		f.client.session.estranged(other.theirs)
	}
	return err
}

// next is the node to ask. A watch that was just lost goes on elsewhere, if there is another node.
func (f *Follower) next() *endpoint {
	order := f.client.nodes.order(false, memoryPatience)
	if len(order) > 1 && order[0] == f.node && f.failed > 0 {
		return order[1]
	}
	return order[0]
}

// announce tells the base URL of the node that is asked next.
func (f *Follower) announce() string {
	f.ahead = f.next()
	return f.ahead.url.String()
}

// Lost tells whether all nodes have been asked in vain since the last event.
func (f *Follower) Lost() bool { return f.failed >= f.client.nodes.count() }

// Lasting tells whether a watch that failed so on one node fails so on all.
func (f *Follower) Lasting(err error) bool { return lasting(f.Watching.request(f.At), err) }

// Pause is how long to wait before the next node is asked, drawn at random: it grows with each round of all nodes, those in which
// watches begin and do not last included.
func (f *Follower) Pause() time.Duration {
	most := firstPause
	for range (max(f.failed, f.brief) - 1) / f.client.nodes.count() {
		most = min(2*most, maxPause)
	}
	return rand.N(most)
}
