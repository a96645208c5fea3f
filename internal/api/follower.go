package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

// Follower is a watch that goes on at the next node when one is lost. It is for one goroutine, which decides when to go on,
// from where, and with which services.
type Follower struct {
	Watching Watching
	At       Position // is moved along by events with an id

	client *Client
	node   *endpoint // that was asked last
	ahead  *endpoint // that is asked next, where that was told already
	failed int       // how many nodes were lost since the last event
}

// NewFollower makes a watch that begins at the beginning.
func NewFollower(c *Client, w Watching) *Follower { return &Follower{Watching: w, client: c} }

// Node is the base URL of the node that was asked last.
func (f *Follower) Node() string { return f.node.url.String() }

// Once watches on one node until that is lost, take wants no more, or ctx ends, and returns why. An error of take is passed on.
func (f *Follower) Once(ctx context.Context, take func(wire.Event) error) error {
	f.client.upkeep.use()
	if f.ahead == nil {
		f.ahead = f.next()
	}
	f.node, f.ahead = f.ahead, nil
	var enough error
	err := f.client.watch(ctx, f.node.url, f.Watching, &f.At, func(e wire.Event) error {
		f.failed = 0
		f.client.upkeep.use()
		enough = take(e)
		return enough
	})
	if ctx.Err() != nil || enough != nil {
		return err
	}
	f.failed++
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

// Pause is how long to wait before the next node is asked, drawn at random: it grows with each round of all nodes.
func (f *Follower) Pause() time.Duration {
	most := firstPause
	for range (f.failed - 1) / f.client.nodes.count() {
		most = min(2*most, maxPause)
	}
	return rand.N(most)
}
