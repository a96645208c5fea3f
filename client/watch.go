package client

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/musterhq/muster/registry"
)

// Watch yields a service as it is, with instances of every status, also where it is not there, and then as it is after changes,
// until ctx ends. A consumer that is slower than the changes sees only the newest. It runs in the goroutine of its consumer.
//
// An error between snapshots does not end the watch. [ErrLost] comes once when all nodes have been asked in vain: what was
// yielded holds until somebody knows better, and where nothing was yet, what is known from before comes first.
// [ErrNewHistory] says that what follows may be older than what was yielded. [ErrClosed] is the last that is yielded, when
// the client is closed.
//
// All watches of a client share one stream, which goes on at another node where one is lost and misses nothing. That a change
// was applied is confirmed to the registry when the consumer comes back for more, so that a drain waits for it.
func (c *Client) Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error] {
	return func(yield func(registry.Snapshot, error) bool) {
		if !registry.ValidName(service) {
			yield(registry.Snapshot{}, badName(service))
			return
		}
		w, err := c.table.join(service)
		if err != nil {
			yield(registry.Snapshot{}, err)
			return
		}
		defer c.table.leave(w)
		for {
			snapshot, ok, err := c.table.next(w)
			if ctx.Err() != nil {
				return
			}
			if c.isClosed() {
				yield(registry.Snapshot{}, ErrClosed)
				return
			}
			if ok {
				if !yield(snapshot, err) {
					return
				}
				continue
			}
			select {
			case <-w.wake:
			case <-ctx.Done():
			case <-c.closed:
			}
		}
	}
}

// consumer is one watch of a service. Its fields are guarded by the table's lock.
type consumer struct {
	entry    *entry
	wake     chan struct{}
	fresh    bool // there is a snapshot that it has not taken
	reset    bool // what comes is of another history
	toldLost bool

	// The least index that it has not seen, of a change that waits for it, and of the one that it is busy with; 0 where there
	// is none.
	waiting, busy uint64
}

func (t *table) join(service string) (*consumer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.useLocked(service)
	if !ok {
		return nil, fmt.Errorf("%w: %d, and not %q", ErrTooMany, maxServices, service)
	}
	c := &consumer{entry: e, wake: make(chan struct{}, 1), fresh: e.known != nil}
	e.consumers[c] = struct{}{}
	return c, nil
}

func (t *table) leave(c *consumer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(c.entry.consumers, c)
	if len(c.entry.consumers) == 0 {
		ring(t.wanted)
	}
	c.entry.used = time.Now()
	ring(t.acks)
}

// change tells a consumer of a change that may be of any index from this one on.
func (c *consumer) change(from uint64) {
	c.fresh = true
	if c.waiting == 0 {
		c.waiting = from
	}
	ring(c.wake)
}

// next is what a consumer is to be told, if anything. That it asks means that it is done with what it was told before.
func (t *table) next(c *consumer) (_ registry.Snapshot, ok bool, _ error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.busy != 0 {
		c.busy = 0
		ring(t.acks)
	}
	e := c.entry
	switch {
	case c.reset && e.covered:
		c.reset, c.fresh = false, true
		return registry.Snapshot{}, true, fmt.Errorf("%w: service %q", ErrNewHistory, e.service)
	case c.fresh && e.known != nil && (e.covered || t.lost != nil):
		c.fresh, c.busy, c.waiting = false, c.waiting, 0
		return e.known.share(), true, nil
	case t.lost != nil && !c.toldLost:
		c.toldLost = true
		return registry.Snapshot{}, true, fmt.Errorf("%w: %w", ErrLost, t.lost)
	}
	return registry.Snapshot{}, false, nil
}

// owed is the least index that some consumer has not seen, 0 where there is none. Callers hold the lock.
func (t *table) owed() uint64 {
	least := uint64(0)
	for _, e := range t.entries {
		for c := range e.consumers {
			for _, index := range [...]uint64{c.waiting, c.busy} {
				if index != 0 && (least == 0 || index < least) {
					least = index
				}
			}
		}
	}
	return least
}
