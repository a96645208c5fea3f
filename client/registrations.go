package client

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
)

// registrations are all registrations of a client. Those with leases of one length share a [rhythm], and so their heartbeats.
type registrations struct {
	calls  *api.Client
	logger *slog.Logger

	mu       sync.Mutex // guards what follows, and of each registration all that changes
	byName   map[wire.InstanceName]*Registration
	rhythms  map[time.Duration]*rhythm // by the length of their leases
	versions uint64
	closed   bool

	run     func(work func(ctx context.Context)) // in the background, until stop
	stop    context.CancelFunc
	working sync.WaitGroup
}

func newRegistrations(calls *api.Client, logger *slog.Logger) *registrations {
	all := &registrations{
		calls: calls, logger: logger,
		byName: map[wire.InstanceName]*Registration{}, rhythms: map[time.Duration]*rhythm{},
	}
	ctx, stop := context.WithCancel(context.Background())
	all.stop = stop
	all.run = func(work func(ctx context.Context)) { all.working.Go(func() { work(ctx) }) }
	return all
}

// close ends all heartbeats and waits for that. Nothing is deregistered: the leases run out.
func (all *registrations) close() {
	all.mu.Lock()
	all.closed = true
	for _, r := range all.byName {
		if !r.left {
			all.drop(r)
			r.become(Abandoned, nil)
		}
	}
	all.mu.Unlock()
	all.stop()
	all.working.Wait()
}

// begin does something in the background. It returns false, and does nothing, once the client is closed. The caller holds the
// lock.
func (all *registrations) begin(work func(ctx context.Context)) bool {
	if all.closed {
		return false
	}
	all.run(work)
	return true
}

// add makes a registration of a name, in the place of the last one. The caller holds the lock, as that of the other methods.
func (all *registrations) add(name wire.InstanceName) *Registration {
	r := &Registration{
		all: all, name: name, writing: make(chan struct{}, 1),
		status: Status{State: Registering, Since: time.Now()}, changed: make(chan struct{}),
	}
	all.byName[name] = r
	return r
}

func (all *registrations) nextVersion() uint64 {
	all.versions++
	return all.versions
}

// keep has heartbeats sent for a registration, as often as its lease wants.
func (all *registrations) keep(r *Registration) {
	ttl := time.Duration(r.document.Lease.TTL)
	if r.rhythm != nil && r.rhythm.ttl == ttl {
		return
	}
	all.drop(r)
	of := all.rhythms[ttl]
	if of == nil {
		of = newRhythm(all, ttl)
		all.rhythms[ttl] = of
		all.begin(of.run)
	}
	of.members[r] = struct{}{}
	r.rhythm = of
}

// drop ends the heartbeats of a registration.
func (all *registrations) drop(r *Registration) {
	of := r.rhythm
	if of == nil {
		return
	}
	r.rhythm = nil
	delete(of.members, r)
	if len(of.members) == 0 {
		delete(all.rhythms, of.ttl)
		close(of.ended)
	}
}
