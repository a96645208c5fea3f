package heartbeats

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

const (
	// gatherTime is for how long heartbeats are gathered before they are passed on, unless they fill a message sooner. It is
	// what a heartbeat takes longer, so that the leader gets some 40 messages a second from a node with many clients, and not
	// one from each client.
	gatherTime = 25 * time.Millisecond

	// patience is for how long a heartbeat looks for a leader. It is less than clients with leases of the usual length have with
	// a node: one that gives up on its call closes the connection with it, and where thousands do so at once, the nodes have so
	// much to do with new connections that they lose their leader again.
	patience = 2 * time.Second

	// maxMessages is how many messages are under way at once. While the leader does not answer, heartbeats wait on their own
	// node, and not in messages.
	maxMessages = 8

	// maxWaiting is how many heartbeats may wait on a node: what 50,000 a second are in the time that each of them waits.
	maxWaiting = 262_144
)

// Collector gathers the heartbeats that come to a node, and passes them on to whoever leads. Its methods may be called from
// many goroutines at once.
type Collector struct {
	route route

	mu    sync.Mutex
	queue []place
	ended bool
	wake  chan struct{} // tells Run of a queue that is not empty any more
	full  chan struct{} // tells Run of a queue that fills a message

	taken, messages atomic.Uint64
}

// asking are the heartbeats of one caller, who waits for all of them.
type asking struct {
	beats    []wire.Heartbeat
	verdicts []verdict
	open     int           // heartbeats without a verdict
	gone     bool          // the caller gave up
	err      error         // why there is no verdict
	done     chan struct{} // closed when none is open, or with the error
}

// place is where one heartbeat stands among those of its caller.
type place struct {
	of *asking
	n  int
}

// NewCollector makes a collector. The label is the node's name; the keeper is that of the same node, which takes what is
// gathered while it leads.
func NewCollector(cluster Cluster, label string, keeper *Keeper) *Collector {
	return &Collector{
		route: route{cluster: cluster, label: label, keeper: keeper},
		wake:  make(chan struct{}, 1), full: make(chan struct{}, 1),
	}
}

// Taken is how many heartbeats have come to this node, and Messages how many messages they made.
func (c *Collector) Taken() uint64 { return c.taken.Load() }

// Messages is how many messages were passed on, each as often as it was tried.
func (c *Collector) Messages() uint64 { return c.messages.Load() }

// Send passes heartbeats on, and returns what the leader says to them once it has acknowledged them all. The error is
// [fault.ErrNoLeader] where that takes longer than 2 s, and [fault.ErrOverloaded] where too many wait already. After an
// error some leases may have been renewed. To send a heartbeat again never does harm.
func (c *Collector) Send(ctx context.Context, beats []wire.Heartbeat) (wire.Renewal, error) {
	a := &asking{beats: beats, verdicts: make([]verdict, len(beats)), open: len(beats), done: make(chan struct{})}
	if len(beats) == 0 {
		return renewalOf(nil, nil), nil
	}
	if err := c.add(a); err != nil {
		return wire.Renewal{}, err
	}
	c.taken.Add(uint64(len(beats)))
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	var err error
	select {
	case <-a.done:
		err = a.err
	case <-timeout.C:
		err = c.route.unanswered()
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		a.gone = true
		return wire.Renewal{}, err
	}
	return renewalOf(a.beats, a.verdicts), nil
}

func (c *Collector) add(a *asking) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return errStopping
	case len(c.queue)+len(a.beats) > maxWaiting:
		return fmt.Errorf("%w: %d heartbeats wait on this node already", fault.ErrOverloaded, len(c.queue))
	}
	for n := range a.beats {
		c.queue = append(c.queue, place{a, n})
	}
	c.tell()
	return nil
}

// tell lets Run know that there is something in the queue.
func (c *Collector) tell() {
	if len(c.queue) > 0 {
		signal(c.wake)
	}
	if len(c.queue) >= maxBeats {
		signal(c.full)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// take removes from the queue what goes into one message. Those whose callers gave up hold up nobody.
func (c *Collector) take() []place {
	c.mu.Lock()
	defer c.mu.Unlock()
	parcel := make([]place, 0, min(len(c.queue), maxBeats))
	taken := 0
	for _, p := range c.queue {
		if len(parcel) == maxBeats {
			break
		}
		taken++
		if !p.of.gone {
			parcel = append(parcel, p)
		}
	}
	rest := copy(c.queue, c.queue[taken:])
	clear(c.queue[rest:])
	c.queue = c.queue[:rest]
	c.tell()
	return parcel
}

// settle hands out verdicts. What has none yet goes into a later message.
func (c *Collector) settle(parcel []place, verdicts []verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n, p := range parcel {
		if verdicts[n] == again {
			c.queue = append(c.queue, p)
			continue
		}
		p.of.verdicts[p.n] = verdicts[n]
		if p.of.open--; p.of.open == 0 {
			close(p.of.done)
		}
	}
	c.tell()
}

// wanted tells whether anybody still waits for a heartbeat of a parcel.
func (c *Collector) wanted(parcel []place) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range parcel {
		if !p.of.gone {
			return true
		}
	}
	return false
}
