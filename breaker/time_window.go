package breaker

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// parts is how many slices a window in time has; it forgets one at a time.
const parts = 10

// stripes is how many sets of counters a window in time has, a power of two. More take memory, about 300 bytes each; fewer
// make goroutines on different processors wait for the same cache line, which costs more than all the rest.
const (
	stripes    = 1 << stripeBits
	stripeBits = 3
)

// timeWindow remembers the results of a span of time: of its present slice and the nine before. Recording a success is
// one atomic addition, to counters that few other goroutines share.
type timeWindow struct {
	slices  uint64              // how many there are in 2^64 ns, rounded up
	numbers [parts]atomic.Int64 // which slice of time each part counts, from 1; 0 is none yet
	turn    sync.Mutex          // held by who takes a part into use again, once in a width

	counters [stripes]stripe
}

// stripe has the counters of some of the goroutines, for each part.
type stripe struct {
	parts [parts]counters
	_     [cacheLine]byte // the next stripe's are not on the same line
}

const cacheLine = 64

type counters struct{ calls, failures, slow atomic.Int64 }

func newTimeWindow(span time.Duration) *timeWindow {
	width := max(span/parts, 2) // the reciprocal of 1 has no room
	return &timeWindow{slices: math.MaxUint64/uint64(width) + 1}
}

// numberAt tells in which slice of time now is. It multiplies by a reciprocal, for a division would take as long as counting
// does. The reciprocal is rounded up, and so slices begin early: by a thousandth of their width after half a year.
func (w *timeWindow) numberAt(now time.Duration) int64 {
	number, _ := bits.Mul64(uint64(now), w.slices)
	return int64(number) + 1
}

func (w *timeWindow) record(now time.Duration, r result) {
	number := w.numberAt(now)
	part := uint64(number) % parts
	if w.numbers[part].Load() != number && !w.reuse(part, number) {
		return
	}
	// Whoever is held up right here for a whole window counts in a later slice. That is rare, and a result that has only
	// now ended is not wrong there.
	c := &w.counters[stripeOf(&number)].parts[part]
	c.calls.Add(1)
	if r&failed != 0 {
		c.failures.Add(1)
	}
	if r&slow != 0 {
		c.slow.Add(1)
	}
}

// stripeOf gives most goroutines a stripe of their own, by where their stack is: what is on it is on no other's. That one
// goroutine may come to several stripes, and several to one, does no harm.
func stripeOf(onStack *int64) uint64 {
	const within = 11                 // bits of an address within the smallest stack
	const golden = 0x9e3779b97f4a7c15 // spreads the others over the highest bits
	return uint64(uintptr(unsafe.Pointer(onStack))>>within) * golden >> (64 - stripeBits)
}

// reuse makes the part count the slice of that number, unless it does so already, or counts a later one: then there is
// nothing left to count in.
func (w *timeWindow) reuse(part uint64, number int64) bool {
	w.turn.Lock()
	defer w.turn.Unlock()
	if was := w.numbers[part].Load(); was >= number {
		return was == number
	}
	for i := range w.counters {
		c := &w.counters[i].parts[part]
		c.calls.Store(0)
		c.failures.Store(0)
		c.slow.Store(0)
	}
	w.numbers[part].Store(number)
	return true
}

func (w *timeWindow) counts(now time.Duration) (sums Counts) {
	oldest := max(1, w.numberAt(now)-parts+1)
	for part := range parts {
		if w.numbers[part].Load() < oldest {
			continue
		}
		for i := range w.counters {
			c := &w.counters[i].parts[part]
			sums.Calls += int(c.calls.Load())
			sums.Failures += int(c.failures.Load())
			sums.Slow += int(c.slow.Load())
		}
	}
	return sums
}
