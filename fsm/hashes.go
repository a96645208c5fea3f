package fsm

import (
	"sort"
	"sync"

	"github.com/musterhq/muster/internal/record"
)

// keptHashes is for how many entries back a machine can say what hash its state had. Nodes that compare their states ask
// for an entry that one of them has applied a moment ago; at some thousand entries a second this is a second or more.
const keptHashes = 4096

// hashes are the hashes of the state after the last entries, of each whatever the batches were that Raft showed them in, so
// that any two nodes have them for the same indexes.
type hashes struct {
	mu   sync.Mutex
	ring [keptHashes]hashAt
	next int // where the next one goes
	used int // how many there are
}

type hashAt struct {
	index uint64
	hash  record.Hash
}

// note adds the hash after an entry. The indexes go forward.
func (h *hashes) note(index uint64, hash record.Hash) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring[h.next] = hashAt{index, hash}
	h.next = (h.next + 1) % keptHashes
	h.used = min(h.used+1, keptHashes)
}

// restart forgets all hashes, which were those of another state, and begins with one.
func (h *hashes) restart(index uint64, hash record.Hash) {
	h.mu.Lock()
	h.next, h.used = 0, 0
	h.mu.Unlock()
	h.note(index, hash)
}

// at finds the hash after an entry.
func (h *hashes) at(index uint64) (record.Hash, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	nth := func(n int) hashAt { return h.ring[(h.next-h.used+n+keptHashes)%keptHashes] } // from the oldest on
	n := sort.Search(h.used, func(n int) bool { return nth(n).index >= index })
	if n == h.used || nth(n).index != index {
		return record.Hash{}, false
	}
	return nth(n).hash, true
}
