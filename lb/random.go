package lb

import (
	"math/rand/v2"
	"time"
)

// random takes any, all as likely. Weights do not count.
type random struct{ nodes []*node }

func newRandom(s *Service, nodes []*node) picker {
	if s.warming {
		return &randomOf{newTable(nodes, warmthOf)}
	}
	return &random{nodes}
}

func (r *random) pick(_ string, tried *Tried, _ time.Duration) *node {
	n := r.nodes[scale(rand.Uint32(), uint32(len(r.nodes)))]
	if tried != nil && tried.Has(n.id) {
		return nil
	}
	return n
}

// randomOf is random while some instances are to get less than others.
type randomOf struct{ table table }

func (r *randomOf) pick(_ string, tried *Tried, _ time.Duration) *node {
	n := r.table.at(rand.Uint64())
	if tried != nil && tried.Has(n.id) {
		return nil
	}
	return n
}
