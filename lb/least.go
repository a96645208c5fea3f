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
	nodes []*node
	draws draws
}

func newLeast(s *Service, nodes []*node) picker {
	l := least{nodes: nodes, draws: newDraws(s.strategy.choices, len(nodes))}
	for _, n := range nodes {
		if n.shareNow() != nodes[0].shareNow() {
			return &leastByWeight{least: l, first: newLottery(nodes)}
		}
	}
	return &l
}

func (l *least) pick(_ string, tried *Tried, _ time.Duration) (best *node) {
	place, step := l.draws.begin(rand.Uint64())
	if tried == nil && l.draws.count == 2 { // The loop below does the same, and takes longer.
		one := l.nodes[place]
		load := one.flights.inFlight()
		if load == 0 {
			return one // the other can't have fewer
		}
		if other := l.nodes[l.draws.after(place, step)]; other.flights.inFlight() < load {
			return other
		}
		return one
	}
	var lowest int64
	for range l.draws.count {
		n := l.nodes[place]
		place = l.draws.after(place, step)
		if tried != nil && tried.Has(n.id) {
			continue
		}
		load := n.flights.inFlight()
		if load == 0 {
			return n // none of the others can have fewer
		}
		if best == nil || load < lowest {
			best, lowest = n, load
		}
	}
	return best
}

// leastByWeight is least where weights differ.
type leastByWeight struct {
	least
	first lottery
}

func (l *leastByWeight) pick(_ string, tried *Tried, _ time.Duration) (best *node) {
	random := rand.Uint64()
	place := l.first.draw(random) // by the upper bits, and so the lower ones are still free
	step := 1 + scale(uint32(random), l.draws.steps)
	var load, share float64 // of the best
	for range l.draws.count {
		n := l.nodes[place]
		place = l.draws.after(place, step)
		if tried != nil && tried.Has(n.id) {
			continue
		}
		inFlight := n.flights.inFlight()
		if inFlight == 0 {
			return n // none of the others can have fewer
		}
		mine, part := float64(inFlight), n.shareNow()
		if best == nil || mine*share < load*part { // less for its share
			best, load, share = n, mine, part
		}
	}
	return best
}
