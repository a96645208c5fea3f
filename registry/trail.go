package registry

import "iter"

// trail is what happened lately, as an immutable list that the versions of a state share: a version adds to the front
// and leaves to the ones before it what they had. It has two generations. When the recent one is full it becomes the older
// one, and what was the older one is forgotten at once, so that adding costs the same however long the trail is. The zero
// trail reaches back to index 0.
type trail[T any] struct {
	recent, older           *mark[T] // the newest first; neither leads into the other
	recentCount, olderCount int
	recentWeight            int
	floor                   uint64 // all that happened after it is here
}

// room is how much makes a generation full: so many things at least, which weigh so much at least.
type room struct{ count, weight int }

// mark is one thing that happened.
type mark[T any] struct {
	index  uint64
	what   T
	before *mark[T]
}

// with returns the trail with one thing more of some weight, which is not older than those before it.
func (t trail[T]) with(index uint64, what T, weight int, full room) trail[T] {
	if t.recentCount >= full.count && t.recentWeight >= full.weight {
		if t.older != nil {
			t.floor = t.older.index
		}
		t.older, t.olderCount = t.recent, t.recentCount
		t.recent, t.recentCount, t.recentWeight = nil, 0, 0
	}
	t.recent = &mark[T]{index: index, what: what, before: t.recent}
	t.recentCount++
	t.recentWeight += weight
	return t
}

// count is how many things the trail holds.
func (t trail[T]) count() int { return t.recentCount + t.olderCount }

// reaches tells whether everything after the position is here.
func (t trail[T]) reaches(position uint64) bool { return position >= t.floor }

// newest yields what is here, the newest first.
func (t trail[T]) newest() iter.Seq2[uint64, T] {
	return func(yield func(uint64, T) bool) {
		for _, generation := range []*mark[T]{t.recent, t.older} {
			for m := generation; m != nil; m = m.before {
				if !yield(m.index, m.what) {
					return
				}
			}
		}
	}
}

// lastUpTo returns the index of the last thing at or before the position, and that of the floor where there is none.
func (t trail[T]) lastUpTo(position uint64) uint64 {
	for index := range t.newest() {
		if index <= position {
			return index
		}
	}
	return t.floor
}
