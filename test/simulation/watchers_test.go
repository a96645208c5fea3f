package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/consistency"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/internal/wire"
)

// watcher follows all services on one node, and then on another. It is cut off in the middle of things.
type watcher struct {
	night *night
	dice  *rand.Rand
	end   func()

	mu       sync.Mutex
	replica  *consistency.Replica
	position uint64
	begun    bool
}

var everything = watch.Selection{All: true}

func (n *night) watch() *watcher {
	w := &watcher{night: n, dice: rand.New(rand.NewPCG(n.dice.Uint64(), 5)), replica: consistency.NewReplica(fmt.Sprintf("watcher %d", len(n.watchers)), n.seen)} //nolint:gosec // it is to be repeated
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause.For(ctx, 100*time.Millisecond) {
			w.follow(ctx)
		}
	}()
	w.end = func() { cancel(); <-done }
	return w
}

// follow watches with one node for a while.
func (w *watcher) follow(ctx context.Context) {
	p := w.night.nodes[w.dice.IntN(len(w.night.nodes))].now()
	if p == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(w.dice.Int64N(int64(2*time.Minute))))
	defer cancel()
	cursor := watch.New(everything)
	if w.begun {
		if !w.caughtUp(ctx, p) {
			return
		}
		cursor = watch.Resume(everything, w.position)
	}
	w.night.figures.add(func(f *figures) { f.resumed++ })
	wakes := p.machine.Publisher().SubscribeAll()
	defer wakes.Close()
	defer w.broken()
	for {
		if p.heard(nil) != nil || p.machine.Sound() != nil {
			return
		}
		for e := range cursor.Advance(p.state(), 0) {
			if w.dice.IntN(200) == 0 {
				return
			}
			w.take(e)
		}
		select {
		case <-wakes.C():
		case <-p.dead:
			return
		case <-ctx.Done():
			return
		}
	}
}

// caughtUp tells whether a node has all that the watcher has seen elsewhere, for which it is given a moment. Killed meanwhile,
// it never will.
func (w *watcher) caughtUp(ctx context.Context, p *process) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return p.machine.Await(ctx, w.position) == nil
}

func (w *watcher) take(e watch.Event) {
	w.night.figures.add(func(f *figures) { f.events++ })
	w.mu.Lock()
	defer w.mu.Unlock()
	told := wire.Event{Event: e.Kind, Data: e.Data}
	if e.Last {
		told.ID = &e.ID
		w.position, w.begun = e.ID, true
	}
	if err := w.replica.Take(told); err != nil {
		w.night.t.Errorf("round %d: after %s: %v", w.night.rounds, e.Kind, err)
	}
}

func (w *watcher) broken() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replica.Broken()
}

// has is the content of a service as the watcher has it.
func (w *watcher) has(service string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return consistency.Render(w.replica.Instances(service))
}
