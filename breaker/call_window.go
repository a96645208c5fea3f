package breaker

import (
	"sync"
	"time"
)

// callWindow remembers the last so many results, however old. A mutex is no dearer here than what atomics would need to
// keep ring and sums in step.
type callWindow struct {
	mu   sync.Mutex
	ring []result
	next int    // where the next result goes
	sums Counts // of what is in the ring
}

func newCallWindow(calls int) *callWindow { return &callWindow{ring: make([]result, calls)} }

func (w *callWindow) record(_ time.Duration, r result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sums.Calls == len(w.ring) {
		w.sums.add(w.ring[w.next], -1)
	}
	w.sums.add(r, 1)
	w.ring[w.next] = r
	if w.next++; w.next == len(w.ring) {
		w.next = 0
	}
}

func (w *callWindow) counts(time.Duration) Counts {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sums
}
