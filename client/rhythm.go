package client

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
)

const (
	// maxBeats is how many heartbeats are sent in one call: fewer than [wire.MaxHeartbeats], since a body is bounded too,
	// and names may be long.
	maxBeats = 2_500

	// A node may take a sixth of the lease to answer before the next one is asked, so that one which is frozen does not use up
	// the lease. The least of it is for leases of seconds; the most is what a node itself spends on finding a leader.
	patiencesPerLease = 6
	leastPatience     = 500 * time.Millisecond
	mostPatience      = 6 * time.Second
)

// rhythm keeps registrations alive whose leases are of one length: one call for all of them, three times a lease.
//
// While nobody answers, it tries no more often than it would send heartbeats. So the load on a cluster that comes back is the
// one that it always has, and everybody has been heard within one beat and the try that was under way.
type rhythm struct {
	all     *registrations
	ttl     time.Duration
	members map[*Registration]struct{} // guarded by the lock of all
	wake    chan struct{}              // something is to be registered now
	ended   chan struct{}              // closed when the last member has gone

	failures int // tries in a row that no node took; of run alone
}

func newRhythm(all *registrations, ttl time.Duration) *rhythm {
	return &rhythm{all: all, ttl: ttl, members: map[*Registration]struct{}{}, wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

// beat is the time between two heartbeats.
func (y *rhythm) beat() time.Duration { return y.ttl / beatsPerLease }

// patience is how long a node may take. After a try that no node took it is twice as long: nodes that are asked by more clients than
// they can answer in time answer none of them, if all go away before their turn and come back at the end of the queue.
func (y *rhythm) patience() time.Duration {
	patience := max(y.ttl/patiencesPerLease, leastPatience)
	if y.failures > 0 {
		patience *= 2
	}
	return min(patience, mostPatience)
}

// rouse has what needs it be registered at once.
func (y *rhythm) rouse() {
	select {
	case y.wake <- struct{}{}:
	default:
	}
}

// run works until the last member has gone or ctx ends.
func (y *rhythm) run(ctx context.Context) {
	// Programs that were started together shall not beat together.
	timer := time.NewTimer(y.beat()/4 + rand.N(y.beat()*3/4)) //nolint:gosec // nobody gains from guessing it
	defer timer.Stop()
	for {
		beaten := false
		select {
		case <-ctx.Done():
			return
		case <-y.ended:
			return
		case <-timer.C:
			beaten = true
		case <-y.wake:
			select {
			case <-timer.C: // heartbeats go first
				beaten = true
			default:
			}
		}
		var err error
		if beaten {
			err = y.heartbeats(ctx)
		}
		heard := time.Now()
		if err == nil {
			err = y.restore(ctx)
		}
		switch {
		case err != nil && (beaten || y.failures == 0):
			timer.Reset(backoff(y.failures, y.beat()))
			y.failures++
		case err == nil && beaten:
			timer.Reset(jittered(y.beat()) - time.Since(heard))
			y.failures = 0
		}
	}
}

// pulse is a heartbeat that was sent.
type pulse struct {
	of     *Registration
	digest string
}

// heartbeats sends one heartbeat for every member that is registered, as far as is known here.
func (y *rhythm) heartbeats(ctx context.Context) error {
	y.all.mu.Lock()
	var due []pulse
	for r := range y.members {
		if r.lost == nil {
			due = append(due, pulse{r, r.digest})
		}
	}
	y.all.mu.Unlock()
	for len(due) > 0 {
		some := due[:min(len(due), maxBeats)]
		beats := make([]wire.Heartbeat, len(some))
		for n, p := range some {
			beats[n] = wire.Heartbeat{Service: p.of.name.Service, ID: p.of.name.ID, Digest: p.digest}
		}
		answer, err := api.Do(ctx, y.all.calls, api.Heartbeats(y.patience(), beats...))
		if err != nil {
			y.unheard(ctx, due, err)
			return err
		}
		y.heard(some, answer.Body)
		due = due[len(some):]
	}
	return nil
}

// unheard notes that heartbeats came to nothing.
func (y *rhythm) unheard(ctx context.Context, pulses []pulse, err error) {
	if ctx.Err() != nil {
		return
	}
	y.all.mu.Lock()
	defer y.all.mu.Unlock()
	for _, p := range pulses {
		p.of.fail(err)
	}
}

// heard notes what was answered to heartbeats. An answer that is about another registration than the last one says nothing.
func (y *rhythm) heard(pulses []pulse, renewal wire.Renewal) {
	y.all.mu.Lock()
	defer y.all.mu.Unlock()
	why := make(map[wire.InstanceName]error, len(renewal.Missing)+len(renewal.Differs))
	for _, name := range renewal.Missing {
		why[name] = ErrForgotten
	}
	for _, name := range renewal.Differs {
		why[name] = ErrReplaced
	}
	for _, p := range pulses {
		r, lost := p.of, why[p.of.name]
		switch {
		case r.left || r.digest != p.digest:
		case lost != nil:
			r.lost, r.notBefore = lost, time.Time{}
		default:
			r.status.LastHeartbeat = time.Now()
			if r.status.State != Registered && r.lost == nil {
				r.become(Registered, nil)
			}
		}
	}
}

// owing are the members whose last report the registry does not have. The caller holds the lock.
func (y *rhythm) owing() []*Registration {
	var owing []*Registration
	for r := range y.members {
		if r.owed && r.lost == nil {
			owing = append(owing, r)
		}
	}
	return slices.Clip(owing)
}
