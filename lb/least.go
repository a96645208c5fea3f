package lb

import (
	"math/rand/v2"
	"time"
)

// least takes the one with the fewest calls in flight, beside its weight, of some that it draws: of two for p2c, of sixteen
// for least-connections, and so of all where there are no more. The least of all would take the longer the more instances
// there are, and many clients that all know of the same least one fall upon it together.
//
// Where weights differ the first is drawn by weight, and it is the one where several are as good: so weights count also where
// nothing is in flight, and the heaviest does not get everything then.
type least struct {
	nodes   []*node
	choices int
	weights *table // nil: all are the same
}

func newLeast(s *Service, nodes []*node) picker {
	l := &least{nodes: nodes, choices: min(s.strategy.choices, len(nodes))}
	for _, n := range nodes {
		if n.shareNow() != nodes[0].shareNow() {
			t := newTable(nodes, (*node).shareNow)
			l.weights = &t
			break
		}
	}
	return l
}

func (l *least) pick(_ string, tried *Tried, _ time.Duration) (best *node) {
	d := newDraw(rand.Uint64(), l.choices, len(l.nodes))
	if l.weights != nil {
		d.place = l.weights.owner(rand.Uint64())
	}
	var lowest float64
	for range l.choices {
		n := l.nodes[d.place]
		d.next()
		if tried != nil && tried.Has(n.id) {
			continue
		}
		if load := float64(n.inFlight.Load()) / n.shareNow(); best == nil || load < lowest {
			best, lowest = n, load
		}
	}
	return best
}
