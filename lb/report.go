package lb

import (
	"cmp"
	"math"
	"time"
)

// report is what a server has said of itself, as far as choices need it. It is kept in one word.
type report struct {
	others  float32 // requests that it works on, without those from here
	latency float32 // seconds that a new request may expect; 0: it did not say
}

// noteLoad keeps what came with an answer, at the end of a call.
func (n *node) noteLoad(now time.Duration, l Load) {
	mine := float64(n.flights.inFlight() + 1) // the one that has ended was there, too
	waiting := max(1, l.queue())
	r := report{others: float32(max(0, waiting-mine)), latency: float32(max(0, l.Latency.Seconds()))}
	n.reported.Store(uint64(math.Float32bits(r.others))<<32 | uint64(math.Float32bits(r.latency)))
	n.reportedAt.Store(max(1, int64(now)))
}

// queue is how many requests the server works on. Where it only says how busy it is, it is as many as are there on average
// at a counter that is as busy.
func (l *Load) queue() float64 {
	if l.InFlight > 0 {
		return min(l.InFlight, math.MaxInt32)
	}
	busy := min(cmp.Or(max(0, l.Utilization), max(0, l.CPU)), 0.95)
	return 1 + busy/(1-busy)
}

// says tells whether there is anything in it.
func (l *Load) says() bool {
	return l.InFlight != 0 || l.Latency != 0 || l.Utilization != 0 || l.CPU != 0 || l.Memory != 0 || l.RPS != 0
}

// report returns what the server has said, and whether that is no older than fresh.
func (n *node) report(now, fresh time.Duration) (report, bool) {
	at := n.reportedAt.Load()
	if at == 0 || now-time.Duration(at) > fresh {
		return report{}, false
	}
	word := n.reported.Load()
	return report{others: math.Float32frombits(uint32(word >> 32)), latency: math.Float32frombits(uint32(word))}, true
}
