package mesh

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	remembered = 256 // latencies, of which a percentile is told
	enough     = 32  // before these, none is told; and after each so many more it is found anew
)

// latencies remembers how long the last answers of a service took, and tells one of their percentiles. It is safe for
// concurrent use.
type latencies struct {
	percentile float64 // from 0 to 1
	told       atomic.Int64

	mu   sync.Mutex
	last [remembered]time.Duration
	n    int // in all
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last[l.n%remembered] = d
	if l.n++; l.n%enough != 0 {
		return
	}
	sorted := slices.Clone(l.last[:min(l.n, remembered)])
	slices.Sort(sorted)
	at := min(int(l.percentile*float64(len(sorted))), len(sorted)-1)
	l.told.Store(int64(sorted[at]))
}

// get returns the percentile; false before enough is known.
func (l *latencies) get() (time.Duration, bool) {
	d := time.Duration(l.told.Load())
	return d, d > 0
}
