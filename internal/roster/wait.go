package roster

import "context"

// wait is a wait for those watches that had not confirmed an index when it began.
type wait struct {
	index uint64
	open  map[*Watch]struct{}
	over  chan struct{} // closed when none is left
}

// wait waits until all watches of a service that are under way now have confirmed an index or broken off, or until ctx ends.
// Those that join meanwhile start from a state that holds the index.
func (r *Roster) wait(ctx context.Context, service string, index uint64) {
	w := &wait{index: index, open: map[*Watch]struct{}{}, over: make(chan struct{})}
	r.mu.Lock()
	for of := range r.here(service) {
		if of.confirmed >= index {
			continue
		}
		w.open[of] = struct{}{}
		of.push(index)
	}
	if len(w.open) == 0 {
		r.mu.Unlock()
		return
	}
	r.waits[w] = struct{}{}
	r.mu.Unlock()

	select {
	case <-w.over:
		return
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waits, w)
}

// release takes a watch that has confirmed more, or broken off, out of the waits that are over with that.
func (r *Roster) release(of *Watch) {
	for w := range r.waits {
		if _, ok := w.open[of]; !ok || of.confirmed < w.index && !of.left {
			continue
		}
		delete(w.open, of)
		if len(w.open) == 0 {
			delete(r.waits, w)
			close(w.over)
		}
	}
}
