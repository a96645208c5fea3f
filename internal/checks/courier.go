package checks

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/registry"
)

const (
	// gatherTime is for how long findings are gathered before they are sent: what fails together is decided together.
	gatherTime = 10 * time.Millisecond

	// sendTimeout is how long a message may take, retryPause how long to wait before the next try, and maxAge for how long a
	// finding is tried to get to a leader. Then the next check may find it again.
	sendTimeout = 3 * time.Second
	retryPause  = 100 * time.Millisecond
	maxAge      = 10 * time.Second
)

// courier brings findings to whoever leads. Of a check it carries the newest finding only.
type courier struct {
	cluster Cluster
	judge   *Judge
	state   func() (*registry.State, error)

	mu      sync.Mutex
	waiting map[key]parcel
	wake    chan struct{}
}

// parcel is a finding and when it was made.
type parcel struct {
	Finding
	made time.Time
}

func newCourier(c Cluster, judge *Judge, state func() (*registry.State, error)) *courier {
	return &courier{cluster: c, judge: judge, state: state, waiting: map[key]parcel{}, wake: make(chan struct{}, 1)}
}

// send takes a finding, and returns at once.
func (c *courier) send(f Finding) {
	c.mu.Lock()
	c.waiting[f.key()] = parcel{f, time.Now()}
	c.mu.Unlock()
	c.tell()
}

func (c *courier) tell() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run sends what is gathered, until ctx ends.
func (c *courier) run(ctx context.Context) {
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		if !pause.For(ctx, gatherTime) {
			return
		}
		for parcels := c.take(); len(parcels) > 0; parcels = c.take() {
			if c.deliver(ctx, parcels) == nil {
				continue
			}
			c.putBack(parcels)
			if !pause.For(ctx, retryPause) {
				return
			}
		}
	}
}

// take removes what goes into one message: what is not too old, and is news still.
func (c *courier) take() []parcel {
	state, err := c.state()
	c.mu.Lock()
	defer c.mu.Unlock()
	var parcels []parcel
	for _, of := range slices.Collect(maps.Keys(c.waiting)) {
		p := c.waiting[of]
		delete(c.waiting, of)
		if err != nil || time.Since(p.made) > maxAge {
			continue
		}
		if i, check := current(state, p.Service, p.ID, p.Incarnation, p.Check); i == nil || !differs(check, &p.Finding) {
			continue
		}
		if parcels = append(parcels, p); len(parcels) == maxFindings {
			break
		}
	}
	return parcels
}

// putBack keeps what could not be sent, unless something newer is known.
func (c *courier) putBack(parcels []parcel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range parcels {
		if _, newer := c.waiting[p.key()]; !newer {
			c.waiting[p.key()] = p
		}
	}
}

// deliver puts findings to whoever leads, and returns when they are decided.
func (c *courier) deliver(ctx context.Context, parcels []parcel) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	findings := make([]Finding, len(parcels))
	for n, p := range parcels {
		findings[n] = p.Finding
	}
	leader, _ := c.cluster.Leader()
	switch leader {
	case "":
		return cluster.ErrNotLeader
	case c.cluster.RaftID():
		return c.judge.decide(ctx, findings)
	}
	request, err := encodeFindings(findings)
	if err != nil {
		return err
	}
	_, err = c.cluster.Call(ctx, leader, CallFindings, request)
	return err
}
