package record_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

func hashOf(instances []*registry.Instance) record.Hash {
	var h record.Hash
	for _, i := range instances {
		h.Add(i)
	}
	return h
}

func TestTheHashForgetsTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := rapid.SliceOfN(anyInstance(), 0, 6).Draw(t, "set")
		other := rapid.Permutation(set).Draw(t, "in another order")
		if a, b := hashOf(set), hashOf(other); a != b {
			t.Fatalf("the same set hashes to %s and to %s", a, b)
		}
	})
}

func TestRemovingUndoesAdding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stay := rapid.SliceOfN(anyInstance(), 0, 4).Draw(t, "stay")
		gone := rapid.SliceOfN(anyInstance(), 1, 4).Draw(t, "gone")

		want := hashOf(stay)
		h := hashOf(append(slices.Clone(gone), stay...))
		if h == want {
			t.Fatalf("%d instances more have not changed the hash", len(gone))
		}
		for _, i := range rapid.Permutation(gone).Draw(t, "order of going") {
			h.Remove(i.Clone())
		}
		if h != want {
			t.Fatalf("after they went the hash is %s, without them it was %s", h, want)
		}
	})
}

func TestTheHashTellsOneFromTwo(t *testing.T) {
	one, three := hashOf([]*registry.Instance{full()}), hashOf([]*registry.Instance{full(), full(), full()})
	if one == three {
		t.Error("an instance that is there three times hashes like one that is there once")
	}
}

func TestASetThatJoinsIsAsGoodAsItsRecordsOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.SliceOfN(anyInstance(), 0, 4).Draw(t, "one")
		other := rapid.SliceOfN(anyInstance(), 0, 4).Draw(t, "other")
		h := hashOf(one)
		h.Join(hashOf(other))
		if want := hashOf(append(slices.Clone(one), other...)); h != want {
			t.Fatalf("joined they hash to %s, one by one to %s", h, want)
		}
		h.Leave(hashOf(one))
		if want := hashOf(other); h != want {
			t.Fatalf("after one has left the hash is %s, without it it was %s", h, want)
		}
	})
}

func TestARecordCountsWhateverItsParts(t *testing.T) {
	var whole, parts, other record.Hash
	whole.AddRecord([]byte("#chunk 1"))
	parts.AddRecord([]byte("#chunk"), []byte(" 1"))
	other.AddRecord([]byte("#chunk 2"))
	if whole != parts || whole == other || whole == (record.Hash{}) {
		t.Errorf("whole %s, in parts %s, another one %s", whole, parts, other)
	}
}

func TestTheEmptySetHashesToZero(t *testing.T) {
	h := hashOf([]*registry.Instance{full()})
	h.Remove(full())
	if h != (record.Hash{}) {
		t.Errorf("the empty set hashes to %s", h)
	}
}

// Nodes of different versions compare hashes and digests: they must stay what they are.
func TestHashAndDigestStayWhatTheyAre(t *testing.T) {
	if got, want := hashOf([]*registry.Instance{full()}).String(), "033b4b5c725b3b4377a42aa4ec01f2f6020bcb96c2d1b7fc69063882bfe01925"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	if got, want := record.Digest(full()), "c41577f2e64dc904f51cea06394dac65"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

func BenchmarkHashAdd(b *testing.B) {
	var h record.Hash
	i := full()
	b.ReportAllocs()
	for b.Loop() {
		h.Add(i)
	}
}
