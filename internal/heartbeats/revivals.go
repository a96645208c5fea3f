package heartbeats

import (
	"context"
	"slices"
	"sync"

	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/registry"
)

// revivals are the leases of which the log is asked to revive them, each once at a time: when very many come back together,
// their heartbeats come again before the log has got to all of them.
type revivals struct {
	asked chan []registry.Operation // for whoever leads

	mu       sync.Mutex
	underway map[registry.LeaseName]bool
	answered chan struct{} // closed when some are answered
}

func newRevivals() *revivals {
	return &revivals{
		asked:    make(chan []registry.Operation, 16),
		underway: map[registry.LeaseName]bool{}, answered: make(chan struct{}),
	}
}

// ask has leases revived, of which some may be under way already. It waits for none of them; the channel is closed when some
// are answered.
func (r *revivals) ask(ctx context.Context, ops []registry.ReviveLease) (answered <-chan struct{}) {
	r.mu.Lock()
	var fresh []registry.Operation
	for _, op := range ops {
		if !r.underway[op.LeaseName] {
			r.underway[op.LeaseName] = true
			fresh = append(fresh, op)
		}
	}
	answered = r.answered
	r.mu.Unlock()
	for some := range slices.Chunk(fresh, maxOperations) {
		select {
		case r.asked <- some:
		case <-ctx.Done():
			r.answer(some) // nobody was asked
		}
	}
	return answered
}

// answer says that the log has answered, in whatever way.
func (r *revivals) answer(ops []registry.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, op := range ops {
		if of, ok := op.(registry.ReviveLease); ok {
			delete(r.underway, of.LeaseName)
		}
	}
	close(r.answered)
	r.answered = make(chan struct{})
}

// drop answers what was asked of a leader that does not lead any more.
func (r *revivals) drop() {
	for {
		select {
		case ops := <-r.asked:
			r.answer(ops)
		default:
			return
		}
	}
}

// revive proposes revivals. One that is refused is asked for again soon, and not at once.
func (k *Keeper) revive(ctx context.Context, term uint64, ops []registry.Operation) {
	if k.propose(ctx, term, ops) != nil {
		pause.For(ctx, retryPause)
	}
	k.revivals.answer(ops)
}
