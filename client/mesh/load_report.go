package mesh

import (
	"math"
	"sync"
	"time"

	"github.com/musterhq/muster/lb"
)

// A server looks back over the time of some answers, and not less than a moment: the longer, the more it knows, and the
// later it notices that it has become slower.
const (
	shortestLook = 250 * time.Millisecond
	lookAnswers  = 4
)

// workload is what a server has to do, as it reports it to its callers. It is safe for concurrent use.
//
// What a new request may expect is, by Little's law, the average number of requests that were worked on, divided by how many
// were answered in a second. So those under way count, too: a server that becomes slower says so before any of its slow
// answers is given.
type workload struct {
	mu       sync.Mutex
	inFlight int
	at       time.Time // up to when the next two are counted; both forget what is long ago
	work     float64   // seconds that requests have been worked on
	answers  float64   // that were given, errors aside
	latency  float64   // seconds that a new request could expect, by the last report
}

func (w *workload) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	w.inFlight++
}

// end counts a request. How quickly one failed says nothing of how long an answer takes: a server that fails at once would
// promise the best of all latencies.
func (w *workload) end(failed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	w.inFlight--
	if !failed {
		w.answers++
	}
}

// advance counts the work since it was last called. The caller has the lock.
func (w *workload) advance() {
	now := time.Now()
	look := max(shortestLook.Seconds(), lookAnswers*w.latency)
	kept := math.Exp(-now.Sub(w.at).Seconds() / look)
	w.work = w.work*kept + float64(w.inFlight)*look*(1-kept)
	w.answers *= kept
	w.at = now
}

// report is the load as it is now. It goes with an answer, which counts as given.
func (w *workload) report() lb.Load {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	w.latency = w.work / (w.answers + 1)
	return lb.Load{InFlight: float64(w.inFlight), Latency: time.Duration(w.latency * float64(time.Second))}
}
