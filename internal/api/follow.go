package api

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

// How long to wait before the next node is asked after a watch was lost: hardly at all at first, so that little is missed,
// and then up to maxPause. It is drawn at random, since many lose their watches at the same moment.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 5 * time.Second
)

// Interruption is the loss of a watch that goes on.
type Interruption struct {
	Err   error
	Next  string        // the base URL of the node that is asked next
	Pause time.Duration // after this time
}

// Follow watches on the first node that answers, and goes on at the next one whenever a node is lost, from the event that was
// the last with an id. What came after that comes again, which changes nothing for who applies the events in order.
//
// It ends with ctx, without an error. Otherwise it ends with one that no other node would mend or, before the first event,
// with that of [Do] where no node answered. lost is told of each interruption in between.
func Follow(ctx context.Context, c *Client, w Watching, lost func(Interruption)) iter.Seq2[wire.Event, error] {
	return func(yield func(wire.Event, error) bool) {
		f := following{Follower: NewFollower(c, w), lost: lost}
		err := f.run(ctx, func(e wire.Event) bool { return yield(e, nil) })
		if err != nil && ctx.Err() == nil && !errors.Is(err, errEnough) {
			yield(wire.Event{}, err)
		}
	}
}

// errEnough ends a watch whose consumer wants no more.
var errEnough = errors.New("no more events are wanted")

// following is a [Follower] that goes on for as long as another node may do better.
type following struct {
	*Follower
	lost func(Interruption)

	begun   bool      // there was an event
	attempt []Attempt // until then
}

// run watches on one node after the other.
func (f *following) run(ctx context.Context, take func(wire.Event) bool) error {
	for {
		err := f.Once(ctx, func(e wire.Event) error {
			f.begun = true
			if !take(e) {
				return errEnough
			}
			return nil
		})
		if ctx.Err() != nil || errors.Is(err, errEnough) || lasting(f.Watching.request(f.At), err) {
			return err
		}
		if !f.begun {
			if f.attempt = append(f.attempt, Attempt{Node: f.Node(), Err: err}); len(f.attempt) == len(f.client.nodes.given) {
				return verdict(f.attempt)
			}
			continue
		}
		pause := f.Pause()
		f.lost(Interruption{Err: err, Next: f.announce(), Pause: pause})
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
