package checks

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// ownersOf finds who asks each instance, as each of the members sees it: somebody must, and only one.
func ownersOf(t *rapid.T, members []string, instances int) map[string]string {
	owners := map[string]string{}
	for _, self := range members {
		s := NewShares(self)
		s.Set(members)
		for n := range instances {
			id := fmt.Sprint(n)
			if !s.Mine("payments", id) {
				continue
			}
			if other, taken := owners[id]; taken {
				t.Fatalf("%s belongs to %s and to %s", id, other, self)
			}
			owners[id] = self
		}
	}
	if len(owners) != instances {
		t.Fatalf("%d of %d instances belong to somebody", len(owners), instances)
	}
	return owners
}

func TestOnlyTheShareOfTheOneWhoGoesMoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9]{1,12}`), 2, 7, rapid.ID).Draw(t, "members")
		before := ownersOf(t, members, 200)
		gone := rapid.SampledFrom(members).Draw(t, "gone")
		rest := slices.DeleteFunc(slices.Clone(members), func(id string) bool { return id == gone })
		for id, owner := range ownersOf(t, rest, 200) {
			if owner == before[id] {
				continue
			}
			if before[id] != gone {
				t.Fatalf("%s went from %s to %s although %s is gone", id, before[id], owner, gone)
			}
			s := NewShares(gone)
			s.Set(members)
			if heir := s.Others("payments", id)[0]; heir != owner {
				t.Fatalf("%s came to %s, and would be confirmed by %s first", id, owner, heir)
			}
		}
	})
}

func TestSharesAreAboutEqual(t *testing.T) {
	members := []string{"01J9ZK", "01J9ZM", "01J9ZN"}
	for _, self := range members {
		s := NewShares(self)
		s.Set(members)
		mine := 0
		for n := range 9000 {
			if s.Mine("payments", fmt.Sprintf("10.0.%d.%d:8080", n/250, n%250)) {
				mine++
			}
		}
		if mine < 2700 || mine > 3300 {
			t.Errorf("%s has %d of 9000", self, mine)
		}
	}
}

func TestANodeIsAlwaysAmongThoseThatShare(t *testing.T) {
	s := NewShares("n1")
	if !s.Mine("payments", "1") || len(s.Others("payments", "1")) != 0 {
		t.Error("a node on its own does not have all")
	}
	if !s.Set([]string{"n2", "n1", "n2"}) || s.Set([]string{"n1", "n2"}) || s.Set([]string{"n2"}) {
		t.Error("the same members are news, or others are none")
	}
}
