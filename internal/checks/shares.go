package checks

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
)

// Shares deals the instances out among the nodes by rendezvous hashing: each instance belongs to the node that has the
// highest score with it. So when a node comes or goes, only its own share moves. Nodes that see different members for a
// while may both ask an instance, which does no harm. Its methods may be called from many goroutines at once.
type Shares struct {
	self    string
	members atomic.Pointer[[]member]
}

type member struct {
	id   string
	seed uint64
}

// NewShares gives all to this node, named by its Raft id, as long as it knows no other.
func NewShares(self string) *Shares {
	s := &Shares{self: self}
	s.Set(nil)
	return s
}

// Set says which nodes there are, by their Raft ids and in any order; this one is always among them. It tells whether that
// is news: then the shares are other ones.
func (s *Shares) Set(ids []string) (changed bool) {
	ids = append(slices.Clone(ids), s.self)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if before := s.members.Load(); before != nil && slices.EqualFunc(*before, ids, func(m member, id string) bool { return m.id == id }) {
		return false
	}
	members := make([]member, len(ids))
	for n, id := range ids {
		members[n] = member{id, xxhash.Sum64String(id)}
	}
	s.members.Store(&members)
	return true
}

// Mine tells whether an instance is one that this node has to ask.
func (s *Shares) Mine(service, id string) bool {
	key := keyOf(service, id)
	members := *s.members.Load()
	owner, best := members[0], members[0].score(key)
	for _, m := range members[1:] {
		if score := m.score(key); score > best { // of two that score the same the first counts, on every node
			owner, best = m, score
		}
	}
	return owner.id == s.self
}

// Others are the other nodes, in the order in which they would take the instance over.
func (s *Shares) Others(service, id string) []string {
	key := keyOf(service, id)
	ranked := slices.Clone(*s.members.Load())
	slices.SortStableFunc(ranked, func(a, b member) int { return cmp.Compare(b.score(key), a.score(key)) })
	others := make([]string, 0, len(ranked))
	for _, m := range ranked {
		if m.id != s.self {
			others = append(others, m.id)
		}
	}
	return others
}

func keyOf(service, id string) uint64 {
	return xxhash.Sum64String(service + "\x00" + id)
}

func (m member) score(key uint64) uint64 {
	var both [16]byte
	binary.LittleEndian.PutUint64(both[:8], m.seed)
	binary.LittleEndian.PutUint64(both[8:], key)
	return xxhash.Sum64(both[:])
}
