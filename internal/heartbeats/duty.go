package heartbeats

import (
	"context"
	"sync"
	"time"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/internal/pause"
)

// Run looks at every tick whether this node leads, and does the leader's duty whenever this node leads, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	for {
		if term := k.office.Leading(); term != 0 {
			k.lead(ctx, term)
		}
		if !pause.For(ctx, health.Tick) {
			return
		}
	}
}

// lead does the duty in one term, until this node leads in it no more. That the leader before it is asked for the ages of the
// leases holds up nothing: each has its full time until something else is known.
func (k *Keeper) lead(ctx context.Context, term uint64) {
	ctx, stop := context.WithCancel(ctx)
	var begun sync.WaitGroup
	defer k.revivals.drop()
	defer begun.Wait()
	defer k.leases.Follow()
	defer stop()

	k.passers.forget()
	k.revivals.drop() // what was asked of an earlier term
	k.leases.Lead(term)
	begun.Go(func() { k.inherit(ctx, term) })
	ticker := time.NewTicker(health.Tick)
	defer ticker.Stop()
	for k.office.Leading() == term {
		k.expire(ctx, &begun)
		for _, id := range k.passers.unwatched() {
			begun.Go(func() { k.watch(ctx, id) })
		}
		select {
		case <-ticker.C:
		case ops := <-k.revivals.asked:
			begun.Go(func() { k.revive(ctx, term, ops) })
		case <-ctx.Done():
			return
		}
	}
}
