package lb

import (
	"math"
	"math/rand/v2"
	"time"
)

// peakEWMA is Finagle's: of two that it draws, the one with the lower latency times calls in flight. The latency is a moving
// average that a slow answer raises at once, and that falls while nothing is heard. It knows nothing of errors, and so
// prefers who fails quickly.
type peakEWMA struct {
	nodes   []*node
	choices int
	decay   float64
}

func newPeakEWMA(s *Service, nodes []*node) picker {
	return &peakEWMA{nodes: nodes, choices: min(s.strategy.choices, len(nodes)), decay: float64(s.strategy.decay)}
}

func (p *peakEWMA) pick(_ string, tried *Tried, now time.Duration) (best *node) {
	d := newDraw(rand.Uint64(), p.choices, len(p.nodes))
	var lowest float64
	for range p.choices {
		n := p.nodes[d.place]
		d.next()
		if tried != nil && tried.Has(n.id) {
			continue
		}
		if cost := p.cost(n, now); best == nil || cost < lowest {
			best, lowest = n, cost
		}
	}
	return best
}

func (p *peakEWMA) cost(n *node, now time.Duration) float64 {
	waiting := float64(n.inFlight.Load())
	latency := float64(unpack(n.mean.Load()).latency)
	if latency == 0 {
		return unheard(waiting) / n.shareNow()
	}
	latency *= math.Exp(-float64(now-time.Duration(n.heard.Load())) / p.decay)
	return latency * (waiting + 1) / n.shareNow()
}

// unheard is the cost of an instance that has not answered yet: one call is sent there at once, and while that is on its
// way a second one only if there is nobody else. A newcomer that were merely the quickest would have all of them.
func unheard(waiting float64) float64 {
	if waiting == 0 {
		return 0
	}
	return 1e9 * (waiting + 1)
}
