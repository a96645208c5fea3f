package store

import "github.com/musterhq/muster/internal/record"

// How many transitions are kept: of one instance, so that one which is restless can't push out what is known of the others,
// and in all. Of more, the oldest are forgotten; nothing else makes one forgotten.
const (
	MaxTransitionsOfOne = 100
	MaxTransitions      = 100_000
)

// History is the part of the state that keeps how and why instances came to look otherwise, in the order in which they did,
// each with a number. It outlives the instances. The zero History is empty.
//
// It is a value that never changes: its methods return the next one, which shares the memory. Any number of goroutines may
// read it; Add is for one at a time. It keeps no count of the transitions of each instance: who adds and forgets does.
type History struct {
	ring[record.Transition]
	hash record.Hash
}

// Hash is the history's share of the state's hash: zero as long as there is none.
func (h History) Hash() record.Hash { return h.hash }

// Add keeps one more, which belongs to the history from then on, and gives it its cause: that of the transition before, where
// it is the same one, as when many leases end at once.
func (h History) Add(t *record.Transition, cause record.Cause) History {
	if last := h.newest(); last != nil && last.Cause.Equal(&cause) {
		t.Cause = last.Cause
	} else {
		own := cause // or every cause would go to the heap
		t.Cause = &own
	}
	h.hash.Join(transitionHash(h.Next(), t))
	h.ring = h.add(t)
	return h
}

// Forget forgets the transition with the number, which must be there.
func (h History) Forget(number uint64) History {
	h.hash.Leave(transitionHash(number, h.At(number)))
	h.ring = h.remove(number)
	return h
}

// Skip goes on at a number, if it is a later one: those before are forgotten.
func (h History) Skip(next uint64) History {
	h.next = max(h.next, next)
	return h
}

// Clear forgets all of them. The numbers go on.
func (h History) Clear() History { return History{}.Skip(h.next) }

func transitionHash(number uint64, t *record.Transition) record.Hash {
	return itemHash("#transition\x00", number, t, record.AppendTransition)
}
