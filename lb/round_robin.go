package lb

import (
	"sort"
	"time"
)

// roundRobin takes one after the other, in the order of their ids. Weights do not count.
type roundRobin struct {
	turn  *padded
	shift uint32 // added to the turn
	nodes []*node
}

func newRoundRobin(s *Service, nodes []*node) picker {
	if s.warming {
		return &weighted{turn: &s.turn, table: newTable(nodes, warmthOf)}
	}
	next := &roundRobin{turn: &s.turn, nodes: nodes}
	next.goOnFrom(s.rounds)
	s.rounds = next
	return next
}

// goOnFrom makes the one that follows the last that was chosen be the first. Where the set changes often, rounds that began
// anew each time, or anywhere, would favour some.
func (r *roundRobin) goOnFrom(last *roundRobin) {
	if last == nil {
		return
	}
	turn := r.turn.n.Load()
	id := last.at(turn).id
	first := sort.Search(len(r.nodes), func(i int) bool { return r.nodes[i].id > id })
	n := uint32(len(r.nodes))
	r.shift = uint32(first) + n - uint32(turn+1)%n
}

func (r *roundRobin) at(turn int64) *node {
	return r.nodes[(uint32(turn)+r.shift)%uint32(len(r.nodes))]
}

func (r *roundRobin) next() *node { return r.at(r.turn.n.Add(1)) }

func (r *roundRobin) pick(_ string, tried *Tried, _ time.Duration) *node {
	n := r.next()
	if tried != nil && tried.Has(n.id) {
		return nil
	}
	return n
}
