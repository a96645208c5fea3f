package lb

import (
	"math"
	"math/bits"
	"time"
)

// weighted gives each instance the share of calls that its weight is of all, evenly spread in time.
//
// The shares are laid side by side on a circle, and each call goes a golden section of it further on: of all steps that one
// leaves the fewest gaps, so that any run of calls, however short, is divided nearly as the circle is. An instance's calls
// are at no more than three different distances from each other, of which the longest is the sum of the others.
type weighted struct {
	turn  *padded
	table table
}

// golden is the golden section of a circle with 2^64 places.
const golden = 0x9E3779B97F4A7C15

func newWeighted(s *Service, nodes []*node) picker {
	return &weighted{turn: &s.turn, table: newTable(nodes, (*node).shareNow)}
}

func (w *weighted) pick(_ string, tried *Tried, _ time.Duration) *node {
	n := w.table.at(uint64(w.turn.n.Add(1)) * golden)
	if tried != nil && tried.Has(n.id) {
		return nil
	}
	return n
}

// table is a circle with 2^64 places that belong to instances by their shares. It finds the owner of a place by a guide with
// as many entries as there are instances: each says who owns the first place of an equal part, and on average there is less
// than one step to go from there.
type table struct {
	nodes []*node
	upto  []uint64 // the last place of each
	guide []uint32
}

// newTable lays out the circle. A share is positive.
func newTable(nodes []*node, share func(*node) float64) table {
	t := table{nodes: nodes, upto: make([]uint64, len(nodes)), guide: make([]uint32, len(nodes))}
	total := 0.0
	for _, n := range nodes {
		total += share(n)
	}
	sum := 0.0
	for i, n := range nodes {
		sum += share(n)
		t.upto[i] = place(sum / total)
	}
	t.upto[len(nodes)-1] = math.MaxUint64
	owner := uint32(0)
	for part := range t.guide {
		first, _ := bits.Div64(uint64(part), 0, uint64(len(nodes)))
		for t.upto[owner] < first {
			owner++
		}
		t.guide[part] = owner
	}
	return t
}

func place(part float64) uint64 {
	if part >= 1 {
		return math.MaxUint64
	}
	return uint64(part * (1 << 64))
}

func (t *table) at(place uint64) *node { return t.nodes[t.owner(place)] }

// owner is the number of the one that a place belongs to.
func (t *table) owner(place uint64) uint32 {
	part, _ := bits.Mul64(place, uint64(len(t.guide)))
	owner := t.guide[part]
	for place > t.upto[owner] {
		owner++
	}
	return owner
}
