package store

import (
	"encoding/binary"
	"iter"
	"slices"
	"sort"

	"github.com/musterhq/muster/internal/record"
)

// pageSize is how many items of a ring share a piece of memory.
const pageSize = 256

// ring is a part of the state that holds the last items of a kind, in the order in which they came. Each has a number, from 0
// on over the whole life of the cluster, so that a number means the same item on all nodes. An item may be taken out from
// anywhere, not only from the front; the memory is that of the items which are left. The zero ring is empty.
//
// It is a value that never changes: its methods return the next one, which shares the memory. Any number of goroutines may
// read it; add is for one at a time.
type ring[T any] struct {
	pages []*page[T] // in the order of their numbers
	skip  int        // items of the first page that were forgotten
	tail  int        // slots of the last page that belong to this ring
	count int
	next  uint64 // the number that the next item gets
}

// page is filled from the left. A ring sees of its last page what was there when it was made; the other pages are never
// filled any more.
type page[T any] struct {
	filled int // by the newest ring that shares the page
	slots  [pageSize]slot[T]
}

type slot[T any] struct {
	number uint64
	item   *T
}

// Len is the number of items.
func (r ring[T]) Len() int { return r.count }

// Next is the number that the next item gets.
func (r ring[T]) Next() uint64 { return r.next }

// First is the number of the oldest item, and Next where there is none.
func (r ring[T]) First() uint64 {
	if r.count == 0 {
		return r.next
	}
	return r.slots(0)[0].number
}

// Since yields the items from a number on, with their numbers, the oldest first.
func (r ring[T]) Since(number uint64) iter.Seq2[uint64, *T] {
	return func(yield func(uint64, *T) bool) {
		k, n := r.find(number)
		for ; k < len(r.pages); k, n = k+1, 0 {
			for _, s := range r.slots(k)[n:] {
				if !yield(s.number, s.item) {
					return
				}
			}
		}
	}
}

// At returns the item with the number, nil where it is not there any more, or not yet.
func (r ring[T]) At(number uint64) *T {
	k, n := r.find(number)
	if k < len(r.pages) {
		if slots := r.slots(k); n < len(slots) && slots[n].number == number {
			return slots[n].item
		}
	}
	return nil
}

// slots are the items of a page.
func (r ring[T]) slots(k int) []slot[T] {
	from, to := 0, r.tail
	if k == 0 {
		from = r.skip
	}
	if k < len(r.pages)-1 {
		to = r.pages[k].filled // which nobody changes any more
	}
	return r.pages[k].slots[from:to]
}

// find finds the page, and in it the position, of the first item that has the number or a later one. Where there is no such
// item, that is the end.
func (r ring[T]) find(number uint64) (k, n int) {
	k = sort.Search(len(r.pages), func(k int) bool {
		slots := r.slots(k)
		return len(slots) == 0 || slots[len(slots)-1].number >= number // only the last page may be empty
	})
	if k < len(r.pages) {
		slots := r.slots(k)
		n = sort.Search(len(slots), func(n int) bool { return slots[n].number >= number })
	}
	return k, n
}

// newest is the last item, nil where it has gone.
func (r ring[T]) newest() *T {
	if len(r.pages) == 0 || r.tail == 0 {
		return nil
	}
	return r.pages[len(r.pages)-1].slots[r.tail-1].item
}

// add adds one more item.
func (r ring[T]) add(item *T) ring[T] {
	last := len(r.pages) - 1
	switch {
	case last < 0 || r.tail == pageSize:
		r.pages = append(slices.Clip(r.pages), &page[T]{})
		r.tail = 0
	case r.pages[last].filled != r.tail: // somebody else went on from where this one stands
		own := &page[T]{filled: r.tail}
		copy(own.slots[:r.tail], r.pages[last].slots[:])
		r.pages = slices.Clone(r.pages)
		r.pages[last] = own
	}
	p := r.pages[len(r.pages)-1]
	p.slots[r.tail] = slot[T]{r.next, item}
	r.tail++
	p.filled = r.tail
	r.count++
	r.next++
	return r
}

// forget takes the oldest item out, of which there must be one.
func (r ring[T]) forget() ring[T] {
	r.skip++
	r.count--
	if len(r.slots(0)) == 0 {
		r.pages, r.skip = r.pages[1:], 0
	}
	return r
}

// remove takes the item with the number out, which must be there.
func (r ring[T]) remove(number uint64) ring[T] {
	k, n := r.find(number)
	if k == 0 && n == 0 {
		return r.forget()
	}
	r.count--
	slots := r.slots(k)
	r = r.replace(k, 1, slots[:n], slots[n+1:])
	for _, left := range []int{k, k - 1} { // what has become small is joined with what is beside it
		if left >= 0 && left+1 < len(r.pages)-1 {
			if a, b := r.slots(left), r.slots(left+1); len(a)+len(b) <= pageSize/2 {
				r = r.replace(left, 2, a, b)
			}
		}
	}
	return r
}

// replace puts one page of the given items in the place of n pages. Of no items it makes a page at the end only: an earlier
// one must not become the last, which is filled on, as older rings know its end by what is in it.
func (r ring[T]) replace(k, n int, a, b []slot[T]) ring[T] {
	last := k+n == len(r.pages)
	own := &page[T]{filled: len(a) + len(b)}
	copy(own.slots[copy(own.slots[:], a):], b)
	pages := append(make([]*page[T], 0, len(r.pages)), r.pages[:k]...)
	if own.filled > 0 || last {
		pages = append(pages, own)
	}
	r.pages = append(pages, r.pages[k+n:]...)
	if k == 0 {
		r.skip = 0
	}
	if last {
		r.tail = own.filled
	}
	return r
}

// itemHash is the share that an item with a number has in the state's hash. The kind tells items of one ring from those of
// another.
func itemHash[T any](kind string, number uint64, item *T, encode func([]byte, *T) []byte) (h record.Hash) {
	b := append(make([]byte, 0, 512), kind...)
	b = binary.BigEndian.AppendUint64(b, number)
	h.AddRecord(encode(b, item))
	return h
}

// changes yields what makes this ring into the next one: a number with its item, or with nil where it has gone. What both
// share costs a comparison of pointers: one for each page, and one for each item of a page that has changed.
func (r ring[T]) changes(next ring[T]) iter.Seq2[uint64, *T] {
	return func(yield func(uint64, *T) bool) {
		were, are := r.beside(next), next.beside(r)
		for len(were) > 0 || len(are) > 0 {
			switch {
			case len(are) == 0 || len(were) > 0 && were[0].number < are[0].number:
				if !yield(were[0].number, nil) {
					return
				}
				were = were[1:]
				continue
			case len(were) > 0 && were[0] == are[0]:
				were = were[1:]
			case !yield(are[0].number, are[0].item):
				return
			case len(were) > 0 && were[0].number == are[0].number:
				were = were[1:]
			}
			are = are[1:]
		}
	}
}

// beside are the items of the pages that the other ring does not share as they are.
func (r ring[T]) beside(other ring[T]) (items []slot[T]) {
	type extent struct {
		first *slot[T]
		size  int
	}
	shared := make(map[extent]bool, len(other.pages))
	for k := range other.pages {
		if slots := other.slots(k); len(slots) > 0 {
			shared[extent{&slots[0], len(slots)}] = true
		}
	}
	for k := range r.pages {
		if slots := r.slots(k); len(slots) > 0 && !shared[extent{&slots[0], len(slots)}] {
			items = append(items, slots...)
		}
	}
	return items
}
