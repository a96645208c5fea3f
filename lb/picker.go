package lb

import (
	"math/rand/v2"
	"time"
)

// picker is a strategy at work on one list of instances. A pick takes no lock and allocates nothing. It returns nil where it
// comes upon none that was not tried yet, which need not mean that there is none.
type picker interface {
	pick(key string, tried *Tried, now time.Duration) *node
}

// pool is a list of instances that may be chosen, and the strategy's view of it.
type pool struct {
	nodes   []*node
	picker  picker  // nil where there are no nodes
	probing []*node // those whose breaker is half-open
	refused []*node // those whose breaker is open
}

// pick asks the strategy, and where that finds only what was tried, takes any other.
func (p *pool) pick(key string, tried *Tried, now time.Duration) *node {
	if p.picker == nil {
		return nil
	}
	if n := p.picker.pick(key, tried, now); n != nil || tried.Len() == 0 {
		return n
	}
	for range redraws {
		if n := p.picker.pick(key, tried, now); n != nil {
			return n
		}
	}
	return untried(p.nodes, tried)
}

// redraws is how often a strategy that draws is asked again, before all instances are looked at.
const redraws = 3

// untried returns one that was not tried, beginning anywhere; nil if there is none.
func untried(nodes []*node, tried *Tried) *node {
	draws := newDraws(1, len(nodes))
	place, step := draws.begin(rand.Uint64())
	for range nodes {
		if n := nodes[place]; !tried.Has(n.id) {
			return n
		}
		place = draws.after(place, step)
	}
	return nil
}
