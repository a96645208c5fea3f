package heartbeats

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// retryPause is how long to wait for a leader that refuses, or does not answer, to give way to another.
const retryPause = 25 * time.Millisecond

var errStopping = fmt.Errorf("%w that takes heartbeats: this node is stopping", fault.ErrNoLeader)

// Cluster is what a [Collector] needs of this node's membership. [cluster.Member] is one. Its methods are called from many
// goroutines at once.
type Cluster interface {
	// RaftID names this node, Leader the node that leads, empty if none is known; changed is closed when that changes.
	RaftID() string
	Leader() (raftID string, changed <-chan struct{})

	// Call asks another node.
	Call(ctx context.Context, raftID, name string, request []byte) ([]byte, error)

	// Electorate says how the election stands, for people.
	Electorate() string
}

// Run passes on what is gathered, until ctx ends. Whoever waits then is told to try another node.
func (c *Collector) Run(ctx context.Context) {
	var underway sync.WaitGroup
	defer c.end()
	defer underway.Wait()
	free := make(chan struct{}, maxMessages)
	for c.gather(ctx) {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		parcel := c.take()
		if len(parcel) == 0 {
			<-free
			continue
		}
		underway.Go(func() {
			c.deliver(ctx, parcel)
			<-free
		})
	}
}

// gather waits until there is something to be passed on and time to do so. It returns false at the end of ctx.
func (c *Collector) gather(ctx context.Context) bool {
	select {
	case <-c.wake:
	case <-ctx.Done():
		return false
	}
	time := time.NewTimer(gatherTime)
	defer time.Stop()
	select {
	case <-c.full:
	case <-time.C:
	case <-ctx.Done():
		return false
	}
	return true
}

// deliver puts a message to whoever leads, until one answers or nobody waits for it any more.
func (c *Collector) deliver(ctx context.Context, parcel []place) {
	m := message{beats: make([]wire.Heartbeat, len(parcel))}
	for n, p := range parcel {
		m.beats[n] = p.of.beats[p.n]
	}
	for c.wanted(parcel) {
		c.messages.Add(1)
		leader, changed := c.route.cluster.Leader()
		verdicts, err := c.route.put(ctx, leader, changed, m)
		if err == nil {
			c.settle(parcel, verdicts)
			return
		}
		pause := time.NewTimer(retryPause)
		select {
		case <-changed:
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			c.fail(parcel)
			return
		}
		pause.Stop()
	}
}

// end refuses what still waits, and all that comes later.
func (c *Collector) end() {
	c.mu.Lock()
	c.ended = true
	rest := c.queue
	c.queue = nil
	c.mu.Unlock()
	c.fail(rest)
}

func (c *Collector) fail(parcel []place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range parcel {
		if p.of.err == nil && p.of.open > 0 {
			p.of.err = errStopping
			close(p.of.done)
		}
	}
}

// route is the way to the leader.
type route struct {
	cluster Cluster
	label   string
	keeper  *Keeper
}

// put has the node that is said to lead take a message. It does not wait for one that is the leader no more: a process that
// is frozen would keep a heartbeat until it is too late for the next leader.
func (r route) put(ctx context.Context, leader string, changed <-chan struct{}, m message) ([]verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	})
	m.via, m.label = r.cluster.RaftID(), r.label
	switch leader {
	case "":
		return nil, cluster.ErrNotLeader
	case m.via:
		return r.keeper.accept(ctx, m)
	}
	answer, err := r.cluster.Call(ctx, leader, CallBeats, m.encode())
	if err != nil {
		return nil, err
	}
	return decodeVerdicts(answer, len(m.beats))
}

// unanswered is what a caller hears whose heartbeats found nobody in time.
func (r route) unanswered() error {
	if leader, _ := r.cluster.Leader(); leader != "" {
		return fmt.Errorf("%w that took the heartbeats: the one that is known did not acknowledge them all within %s", fault.ErrNoLeader, patience)
	}
	return fmt.Errorf("%w that takes heartbeats: %s", fault.ErrNoLeader, r.cluster.Electorate())
}
