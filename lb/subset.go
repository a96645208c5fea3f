package lb

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// subsetOf keeps size instances, those with the highest hashes together with that of the client: a rendezvous of one client
// with many instances. One that comes takes the place of one at most, and one that goes gives its place to one.
func subsetOf(nodes []*node, size int, clientID string) []*node {
	if size <= 0 || len(nodes) <= size {
		return nodes
	}
	client := xxhash.Sum64String(clientID)
	score := func(n *node) uint64 { return mix(client ^ xxhash.Sum64String(n.id)) }
	chosen := slices.SortedFunc(slices.Values(nodes), func(a, b *node) int {
		return cmp.Or(cmp.Compare(score(b), score(a)), cmp.Compare(a.id, b.id))
	})
	return chosen[:size]
}
