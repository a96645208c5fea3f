package registry

import (
	"context"
	"iter"
)

// Watch yields the service as it is, also where it is not there, and then as it is after changes until ctx ends: every
// change is covered by a later Snapshot, but a consumer that is slower than the changes sees only the newest. A change
// that is undone before the consumer looks, such as a service that comes and goes, may not be seen at all.
//
// It runs in the goroutine of its consumer and starts none. Here it cannot fail, and the errors are always nil; they are
// for watches of the same form that can, such as those of a client.
func (p *Publisher) Watch(ctx context.Context, service string) iter.Seq2[Snapshot, error] {
	return func(yield func(Snapshot, error) bool) {
		sub := p.Subscribe(service)
		defer sub.Close()
		w := watch{service: service}
		for ctx.Err() == nil {
			if snapshot, ok := w.look(p.State()); ok && !yield(snapshot, nil) {
				return
			}
			select {
			case <-sub.C():
			case <-ctx.Done():
			}
		}
	}
}

// watch is how far a consumer has got with one service.
type watch struct {
	service string
	begun   bool
	there   bool   // at the last look
	index   uint64 // that was yielded last
}

// look returns what there is to yield of the service in state, if anything. An index never goes back: a service that is
// gone is yielded with the index of the state it is missing in, and if it comes back it is at a later one.
func (w *watch) look(state *State) (Snapshot, bool) {
	begun, there := w.begun, w.there
	found := state.Service(w.service)
	w.begun, w.there = true, found != nil
	switch {
	case found != nil:
		if there && found.Index() <= w.index {
			return Snapshot{}, false
		}
		w.index = found.Index()
		return found.Snapshot(), true
	case there:
		w.index = state.Index()
	case begun:
		return Snapshot{}, false
	}
	return Snapshot{Service: w.service, Index: w.index}, true
}
