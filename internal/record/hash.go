package record

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/musterhq/muster/registry"
)

// Digest names the document that a client registered: the instance without what the registry adds to it, such as its
// status, its indexes and the results of its checks. It is 32 hexadecimal digits. An instance that was registered again
// unchanged keeps it; one of which another document is held has another.
func Digest(i *registry.Instance) string {
	sum := sha256.Sum256(appendDocument(nil, i, appendCheckDefinition))
	return hex.EncodeToString(sum[:16])
}

// Hash names a set of instances. It is kept up to date by adding what comes and removing what goes, in any order, so it
// costs the change and not the set; the zero Hash is that of the empty set. Two nodes that hold the same instances have the
// same Hash, and a difference of one bit anywhere shows. It is a guard against damage and divergence, not against somebody
// who makes up instances in order to hit a given Hash.
//
// A Hash is a value: copies are independent of each other.
type Hash [sha256.Size]byte

// Add puts i into the set, which must not hold it yet.
func (h *Hash) Add(i *registry.Instance) {
	h.combine(i, func(lane, word uint64) uint64 { return lane + word })
}

// Remove takes i out of the set. It must be as it was when it was added.
func (h *Hash) Remove(i *registry.Instance) {
	h.combine(i, func(lane, word uint64) uint64 { return lane - word })
}

// combine treats the hash as four lanes of 64 bits, which take up the words of the record's SHA-256 one by one. Addition
// forgets the order, and has an inverse; unlike exclusive or it also tells a record that is there twice from none.
func (h *Hash) combine(i *registry.Instance, op func(lane, word uint64) uint64) {
	sum := sha256.Sum256(Append(make([]byte, 0, 512), i))
	for at := 0; at < len(h); at += 8 {
		lane := binary.BigEndian.Uint64(h[at:])
		word := binary.BigEndian.Uint64(sum[at:])
		binary.BigEndian.PutUint64(h[at:], op(lane, word))
	}
}

// String returns the hash in hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }
