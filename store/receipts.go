package store

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/musterhq/muster/internal/record"
)

// MaxReceipts is how many writes with an idempotency key are remembered; of more, the oldest are forgotten. Nothing else
// makes one forgotten: a leader whose clock is ahead must not empty the memory of all nodes.
const MaxReceipts = 262_144

// receiptChunk is how many receipts share a piece of memory.
const receiptChunk = 256

// Receipts is the part of the state that remembers how writes with an idempotency key were decided, in the order in which
// they were. Each has a number, from 0 on over the whole life of the cluster, so that a number means the same receipt on all
// nodes. The zero Receipts is empty.
//
// It is a value that never changes: its methods return the next one, which shares the memory. Any number of goroutines may
// read it; Add is for one at a time.
type Receipts struct {
	chunks []*receiptPage // the first one holds the receipt with number first
	first  uint64         // the number of the oldest that is remembered
	next   uint64         // the number that the next one gets
	hash   record.Hash
}

// receiptPage is filled from the left. A Receipts sees of its last page what was there when it was made.
type receiptPage struct {
	filled   int // by the newest Receipts that shares the page; only Add looks at it
	receipts [receiptChunk]*record.Receipt
}

// ReceiptsFrom begins at a number: with what a checkpoint or a snapshot remembers.
func ReceiptsFrom(number uint64) Receipts { return Receipts{first: number, next: number} }

// First is the number of the oldest receipt that is remembered, and Next the one that will be given to the next.
func (r Receipts) First() uint64 { return r.first }

// Next is the number that the next receipt gets.
func (r Receipts) Next() uint64 { return r.next }

// Hash is the receipts' share of the state's hash: zero as long as there is none.
func (r Receipts) Hash() record.Hash { return r.hash }

// Since yields the receipts from a number on, with their numbers, the oldest first.
func (r Receipts) Since(number uint64) iter.Seq2[uint64, *record.Receipt] {
	return func(yield func(uint64, *record.Receipt) bool) {
		for n := max(number, r.first); n < r.next; n++ {
			if !yield(n, r.at(n)) {
				return
			}
		}
	}
}

// at finds a receipt that is remembered.
func (r Receipts) at(number uint64) *record.Receipt {
	page := number/receiptChunk - r.first/receiptChunk
	return r.chunks[page].receipts[number%receiptChunk]
}

// Add remembers one more, and returns the one that is forgotten for it, nil if none.
func (r Receipts) Add(receipt *record.Receipt) (_ Receipts, forgotten *record.Receipt) {
	at := int(r.next % receiptChunk)
	switch last := len(r.chunks) - 1; {
	case at == 0 || last < 0:
		r.chunks = append(slices.Clip(r.chunks), &receiptPage{})
	case r.chunks[last].filled != at: // somebody else went on from where this one stands
		page := *r.chunks[last]
		r.chunks = slices.Clone(r.chunks)
		r.chunks[last] = &page
	}
	page := r.chunks[len(r.chunks)-1]
	page.receipts[at], page.filled = receipt, at+1
	addReceipt(&r.hash, r.next, receipt)
	r.next++
	if r.next-r.first <= MaxReceipts {
		return r, nil
	}
	return r.forget()
}

// forget drops the oldest one.
func (r Receipts) forget() (Receipts, *record.Receipt) {
	oldest := r.at(r.first)
	var gone record.Hash
	addReceipt(&gone, r.first, oldest)
	r.hash.Leave(gone)
	r.first++
	if r.first%receiptChunk == 0 {
		r.chunks = r.chunks[1:]
	}
	return r, oldest
}

// continues tells whether r came of from by adding and forgetting. Receipts of the same numbers need not be the same ones: a
// state that turned out wrong may have had others. Those that r shares with from are at the same place in memory.
func (r Receipts) continues(from Receipts) bool {
	if r.first < from.first || r.next < from.next {
		return false
	}
	return r.first >= from.next || r.at(from.next-1) == from.at(from.next-1)
}

// Clear forgets all of them. The numbers go on.
func (r Receipts) Clear() Receipts { return ReceiptsFrom(r.next) }

func addReceipt(h *record.Hash, number uint64, receipt *record.Receipt) {
	h.AddRecord([]byte("#receipt\x00"), binary.BigEndian.AppendUint64(nil, number), record.AppendReceipt(nil, receipt))
}
