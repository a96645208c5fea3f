package store

import "github.com/musterhq/muster/internal/record"

// MaxReceipts is how many writes with an idempotency key are remembered; of more, the oldest are forgotten. Nothing else
// makes one forgotten: a leader whose clock is ahead must not empty the memory of all nodes.
const MaxReceipts = 262_144

// Receipts is the part of the state that remembers how writes with an idempotency key were decided, in the order in which
// they were, each with a number. The zero Receipts is empty.
//
// It is a value that never changes: its methods return the next one, which shares the memory. Any number of goroutines may
// read it; Add is for one at a time.
type Receipts struct {
	ring[record.Receipt]
	hash record.Hash
}

// Hash is the receipts' share of the state's hash: zero as long as there is none.
func (r Receipts) Hash() record.Hash { return r.hash }

// Add remembers one more, and returns the one that is forgotten for it, nil if none.
func (r Receipts) Add(receipt *record.Receipt) (_ Receipts, forgotten *record.Receipt) {
	r.hash.Join(receiptHash(r.Next(), receipt))
	r.ring = r.add(receipt)
	if r.Len() <= MaxReceipts {
		return r, nil
	}
	first := r.First()
	forgotten = r.At(first)
	r.hash.Leave(receiptHash(first, forgotten))
	r.ring = r.forget()
	return r, forgotten
}

// Skip goes on at a number, if it is a later one: those before are forgotten.
func (r Receipts) Skip(next uint64) Receipts {
	r.next = max(r.next, next)
	return r
}

// Clear forgets all of them. The numbers go on.
func (r Receipts) Clear() Receipts { return Receipts{}.Skip(r.next) }

func receiptHash(number uint64, receipt *record.Receipt) record.Hash {
	return itemHash("#receipt\x00", number, receipt, record.AppendReceipt)
}
