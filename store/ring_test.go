package store

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// numbered is what a ring should hold.
type numbered struct {
	number uint64
	item   *int
}

func itemsOf(r ring[int]) (items []numbered) {
	for number, item := range r.Since(0) {
		items = append(items, numbered{number, item})
	}
	return items
}

// Whatever comes and goes, from wherever in the ring: it holds what a plain list would hold, every earlier ring stays as it
// was, and what it takes to get from any ring to any other is what differs.
func TestARingIsAListThatNeverChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			ring  ring[int]
			items []numbered
		}
		versions := []version{{}}
		for range rapid.IntRange(1, 8).Draw(t, "versions") {
			v := versions[max(0, len(versions)-1-rapid.IntRange(0, 3).Draw(t, "back"))] // somebody may go on from an older one
			v.items = slices.Clone(v.items)
			for range rapid.IntRange(0, 500).Draw(t, "added") {
				v.items = append(v.items, numbered{v.ring.Next(), new(int)})
				v.ring = v.ring.add(v.items[len(v.items)-1].item)
			}
			removed := rapid.IntRange(0, len(v.items)).Draw(t, "removed")
			where := rapid.Uint64().Draw(t, "where")
			for n := range removed {
				at := int((where + uint64(n)*0x9e3779b97f4a7c15) % uint64(len(v.items)))
				if rapid.IntRange(0, 9).Draw(t, "the first") == 0 {
					at = 0
				}
				v.ring = v.ring.remove(v.items[at].number)
				v.items = slices.Delete(v.items, at, at+1)
			}
			versions = append(versions, v)
		}
		for _, v := range versions {
			if got := itemsOf(v.ring); !slices.Equal(got, v.items) || v.ring.Len() != len(v.items) {
				t.Fatalf("it holds %d items and says %d, where %d should be", len(got), v.ring.Len(), len(v.items))
			}
			for _, want := range v.items {
				if v.ring.At(want.number) != want.item {
					t.Fatalf("item %d is not found", want.number)
				}
			}
			first := v.ring.Next()
			if len(v.items) > 0 {
				first = v.items[0].number
			}
			if v.ring.First() != first || v.ring.At(v.ring.Next()) != nil {
				t.Fatalf("it begins with %d, not with %d", v.ring.First(), first)
			}
			if atMost := 4 + 4*v.ring.Len()/pageSize; len(v.ring.pages) > atMost {
				t.Fatalf("%d items take %d pages", v.ring.Len(), len(v.ring.pages))
			}
			for _, other := range versions {
				wantChanges(t, v.ring, other.ring)
			}
		}
	})
}

func wantChanges(t *rapid.T, from, to ring[int]) {
	t.Helper()
	held := maps.Collect(from.Since(0))
	for number, item := range from.changes(to) {
		if held[number] == item {
			t.Fatalf("item %d is the same in both", number)
		}
		if held[number] = item; item == nil {
			delete(held, number)
		}
	}
	for number, item := range to.Since(0) {
		if held[number] != item {
			t.Fatalf("item %d is not what the changes make it", number)
		}
	}
	if len(held) != to.Len() {
		t.Fatalf("the changes leave %d items, %d are there", len(held), to.Len())
	}
}

// Where one instance is restless and others are not, most numbers between two that are kept have gone.
func TestARingOfFewItemsFarApartStaysSmall(t *testing.T) {
	var r ring[int]
	for number := range uint64(300_000) {
		r = r.add(new(int))
		if late := number - 300; number >= 300 && late%1000 != 0 { // every thousandth is kept
			r = r.remove(late)
		}
	}
	if r.Len() != 600 || len(r.pages) > 12 {
		t.Errorf("%d items take %d pages", r.Len(), len(r.pages))
	}
}

func TestOfARingWhatIsNearIsSavedAndNotAll(t *testing.T) {
	var r ring[int]
	for range 100 * pageSize {
		r = r.add(new(int))
	}
	next := r.add(new(int)).forget().remove(50 * pageSize)
	if n := len(r.beside(next)) + len(next.beside(r)); n > 6*pageSize {
		t.Errorf("%d items are looked at for three changes", n)
	}
	var changed []string
	for number, item := range r.changes(next) {
		changed = append(changed, fmt.Sprint(number, item != nil))
	}
	if want := []string{"0 false", "12800 false", "25600 true"}; !slices.Equal(changed, want) {
		t.Errorf("changed: %v, want %v", changed, want)
	}
}
