package simulation

import (
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/registry"
)

// leased is the service of the instances that have leases.
const leased = "leased"

// lateness is how much later than after its time a lease may run out where nothing is wrong.
const lateness = 10 * time.Second

// leases are those of a night. Each has a holder that keeps it for a while, and then stops on purpose.
type leases struct {
	night *night
	end   func()

	mu    sync.Mutex
	well  time.Time // since when nothing is wrong; zero while something is
	known map[string]*lease
}

// lease is one instance's.
type lease struct {
	ttl     time.Duration
	renewed time.Time // when the newest heartbeat began that was acknowledged; zero before the first
	ended   time.Time // when its holder stopped; zero while it goes on
	index   uint64    // of the newest change that some node has had
	out     bool      // it has run out, and none has begun since
}

func newLeases(n *night) *leases {
	return &leases{night: n, known: map[string]*lease{}, end: func() {}}
}

// begin has so many holders keep leases until end is called.
func (l *leases) begin(holders int) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for h := range holders {
		dice := rand.New(rand.NewPCG(l.night.dice.Uint64(), 6)) //nolint:gosec // it is to be repeated
		running.Go(func() {
			for g := 0; pause.For(ctx, time.Duration(dice.Int64N(int64(20*time.Second)))); g++ {
				l.hold(ctx, dice, fmt.Sprintf("l%d-%d", h, g))
			}
		})
	}
	running.Go(func() {
		for pause.For(ctx, time.Second) {
			l.requireTimely()
		}
	})
	l.end = func() {
		cancel()
		running.Wait()
	}
}

// hold registers an instance and keeps its lease for a while.
func (l *leases) hold(ctx context.Context, dice *rand.Rand, id string) {
	nodes := l.night.nodes
	via := dice.IntN(len(nodes))
	p := nodes[via].now()
	if p == nil {
		return
	}
	of := &lease{ttl: time.Duration(5+dice.IntN(55)) * time.Second}
	l.mu.Lock()
	l.known[id] = of
	l.mu.Unlock()
	began := time.Now()
	i := registry.Instance{
		Service: leased, ID: id, Address: "10.1.0.8", Port: 9090,
		Lease: &registry.Lease{TTL: registry.Duration(of.ttl), DeregisterAfter: registry.Duration(2 * time.Minute)},
	}
	_, err := p.submit(ctx, fsm.Write{Operations: []registry.Operation{registry.Register{Instance: i.Normalize()}}})
	if err != nil {
		return // it may be there, and run out
	}
	l.acknowledged(of, began)
	until := began.Add(time.Duration(dice.Int64N(int64(10 * time.Minute))))
	for time.Now().Before(until) && pause.For(ctx, of.ttl/3) {
		if dice.IntN(10) == 0 {
			via = dice.IntN(len(nodes))
		}
		p := nodes[via].now()
		if p == nil {
			via = dice.IntN(len(nodes))
			continue
		}
		began := time.Now()
		if renewal, err := p.beat(ctx, leased, id); err == nil && len(renewal.Missing) == 0 {
			l.acknowledged(of, began)
		} else if err == nil {
			break // it was gone for so long that it was deregistered
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of.ended = time.Now()
}

func (l *leases) acknowledged(of *lease, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of.renewed = began
	l.night.figures.add(func(f *figures) { f.beats++ })
}

// healthy says that from now on nothing is wrong, and wrong that something is.
func (l *leases) healthy() { l.set(time.Now()) }
func (l *leases) wrong()   { l.set(time.Time{}) }

func (l *leases) set(well time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.well = well
}

// applied hears of all that a node does to its state.
func (n *night) applied(m *fsm.Machine, changes iter.Seq[registry.Change]) {
	n.hashes.note(m)
	for c := range changes {
		if _, registers := c.By.(registry.Register); c.Old == nil && c.New != nil && c.By != nil && !registers {
			n.t.Errorf("round %d: %s/%s is there without having been registered, by %T", n.rounds, c.New.Service, c.New.ID, c.By)
		}
		if c.Old != nil && c.Old.Service == leased {
			n.leases.changed(c)
		}
	}
}

// changed notes that a lease has run out, which must not be too early, or that it has begun anew.
func (l *leases) changed(c registry.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	of := l.known[c.Old.ID]
	switch {
	case of == nil: // it is settled
	case c.New == nil:
		of.out, of.index = true, math.MaxUint64
	case c.New.ModifyIndex <= of.index: // another node has had it before
	case !c.New.Expired:
		of.out, of.index = false, c.New.ModifyIndex
	default:
		of.out, of.index = true, c.New.ModifyIndex
		l.night.figures.add(func(f *figures) { f.expired++ })
		if ran := time.Since(of.renewed); ran < of.ttl {
			l.night.t.Errorf("round %d: the lease of %s runs out %s after the last heartbeat that was acknowledged, and is for %s", l.night.rounds, c.New.ID, ran, of.ttl)
		}
	}
}

// requireTimely looks whether leases that nobody keeps have run out.
func (l *leases) requireTimely() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.well.IsZero() {
		return
	}
	for id, of := range l.known {
		if of.ended.IsZero() {
			continue
		}
		if of.out {
			delete(l.known, id)
			continue
		}
		from := of.ended
		if from.Before(l.well) {
			from = l.well
		}
		if late := time.Since(from) - of.ttl; late > lateness {
			l.night.t.Errorf("round %d: nobody keeps the lease of %s, and all is well, and it has not run out, %s too late", l.night.rounds, id, late)
			delete(l.known, id)
		}
	}
}
