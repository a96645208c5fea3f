package mesh

import (
	"math"
	"sync"
	"time"

	"github.com/musterhq/muster/lb"
)

// loadDecay is the time in which the average of a server's latency forgets two thirds of what it knew.
const loadDecay = time.Second

// workload is what a server has to do, as it reports it to its callers. It is safe for concurrent use.
type workload struct {
	mu       sync.Mutex
	inFlight int
	latency  float64 // seconds; moving average
	ended    time.Time
}

func (w *workload) begin() {
	w.mu.Lock()
	w.inFlight++
	w.mu.Unlock()
}

// end counts a request that took d.
func (w *workload) end(d time.Duration) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight--
	if w.ended.IsZero() {
		w.latency = d.Seconds()
	} else {
		keep := math.Exp(-now.Sub(w.ended).Seconds() / loadDecay.Seconds())
		// Requests that end together have a say each, though no time passes between them.
		keep = min(keep, 0.9)
		w.latency = keep*w.latency + (1-keep)*d.Seconds()
	}
	w.ended = now
}

// report is the load as it is now, with the request whose answer carries it.
func (w *workload) report() lb.Load {
	w.mu.Lock()
	defer w.mu.Unlock()
	return lb.Load{InFlight: float64(w.inFlight), Latency: time.Duration(w.latency * float64(time.Second))}
}
