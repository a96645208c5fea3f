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
	sum := sha256.Sum256(appendDocument(nil, i, definition))
	return hex.EncodeToString(sum[:16])
}

// Hash names a set of records: of instances, and of what else belongs to the state. It is kept up to date by adding what
// comes and removing what goes, in any order, so it costs the change and not the set; the zero Hash is that of the empty set.
// Two nodes that hold the same records have the same Hash, and a difference of one bit anywhere shows. It is a guard against damage and divergence, not against somebody
// who makes up instances in order to hit a given Hash.
//
// A Hash is a value: copies are independent of each other.
type Hash [sha256.Size]byte

// Add puts i into the set, which must not hold it yet.
func (h *Hash) Add(i *registry.Instance) { h.Join(hashOf(i)) }

// Remove takes i out of the set. It must be as it was when it was added.
func (h *Hash) Remove(i *registry.Instance) { h.Leave(hashOf(i)) }

// AddRecord puts a record that is no instance, given in parts, into the set. It must not begin as one of an instance does,
// with the tag of a field in protobuf's wire format, lest the one be taken for the other.
func (h *Hash) AddRecord(parts ...[]byte) {
	if len(parts) == 1 {
		h.Join(sha256.Sum256(parts[0])) // without memory from the heap
		return
	}
	sum := sha256.New()
	for _, part := range parts {
		sum.Write(part) // never fails, as package hash promises
	}
	h.Join(Hash(sum.Sum(nil)))
}

// Join puts all of another set into this one, which has nothing of it yet.
func (h *Hash) Join(other Hash) {
	h.combine(other, func(lane, word uint64) uint64 { return lane + word })
}

// Leave takes all of another set out of this one, which has all of it.
func (h *Hash) Leave(other Hash) {
	h.combine(other, func(lane, word uint64) uint64 { return lane - word })
}

// hashOf is the hash of one instance alone: the SHA-256 of its record.
func hashOf(i *registry.Instance) Hash {
	return sha256.Sum256(Append(make([]byte, 0, 512), i))
}

// combine treats the hash as four lanes of 64 bits. Addition forgets the order, and has an inverse; unlike exclusive or it
// also tells a record that is there twice from none.
func (h *Hash) combine(other Hash, op func(lane, word uint64) uint64) {
	for at := 0; at < len(h); at += 8 {
		lane := binary.BigEndian.Uint64(h[at:])
		word := binary.BigEndian.Uint64(other[at:])
		binary.BigEndian.PutUint64(h[at:], op(lane, word))
	}
}

// String returns the hash in hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }
