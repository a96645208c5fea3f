package lb

import (
	"math/rand/v2"
	"time"
)

// peakEWMA is Finagle's: of two that it draws, the one with the lower latency times calls in flight. The latency is a moving
// average that a slow answer raises at once, and that falls while nothing is heard. It knows nothing of errors, and so
// prefers who fails quickly.
type peakEWMA struct {
	nodes []*node
	draws draws
	decay time.Duration
}

func newPeakEWMA(s *Service, nodes []*node) picker {
	return &peakEWMA{nodes: nodes, draws: newDraws(s.strategy.choices, len(nodes)), decay: s.strategy.decay}
}

func (p *peakEWMA) pick(_ string, tried *Tried, now time.Duration) (best *node) {
	place, step := p.draws.begin(rand.Uint64())
	var lowest float64
	for range p.draws.count {
		n := p.nodes[place]
		place = p.draws.after(place, step)
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
	waits, inFlight := n.flights.waits()
	latency := float64(unpack(n.mean.Load()).latency)
	if latency == 0 && waits {
		return unheard * float64(inFlight+1) / n.shareNow()
	}
	cost := max(latency, leastLatency) * float64(kept(now-time.Duration(n.heard.Load()), p.decay))
	if waits {
		cost *= n.overdue(now, latency)
	}
	return cost * float64(inFlight+1) / n.shareNow()
}
