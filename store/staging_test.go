package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
)

// staged is the image with another staging, at the next index.
func staged(image Image, s Staging) Image {
	edit := image.State.Edit()
	edit.SetIndex(image.Index + 1)
	next := imageOf(edit.Commit())
	next.Staging = s
	next.Hash.Join(s.Hash())
	return next
}

// drawStaging draws what the log may do next to a staging.
func drawStaging(t *rapid.T, s Staging) Staging {
	switch rapid.IntRange(0, 9).Draw(t, "step") {
	case 0:
		return s.Drop()
	case 1:
		return s.Finish(Finished{Restore: s.Restore(), Index: rapid.Uint64().Draw(t, "index"), Instances: len(s.Chunks()), Services: 1})
	case 2:
		return s.Add(rapid.StringMatching("[a-c]").Draw(t, "restore"), []byte("first"))
	default:
		restore := s.Restore()
		if restore == "" {
			restore = "a"
		}
		return s.Add(restore, rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "chunk"))
	}
}

func wantStaging(t interface{ Fatalf(string, ...any) }, got, want Staging) {
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Staging{})); diff != "" {
		t.Fatalf("the staging (-want +got):\n%s", diff)
	}
}

// Saves come at any moment of a restore, and starts too.
func TestAStagingIsLoadedAsItWasSaved(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		path := newPath(t)
		image := Image{State: registry.NewState()}
		for range rapid.IntRange(1, 3).Draw(r, "starts") {
			c, err := Open(path)
			if err != nil {
				r.Fatal(err)
			}
			got := loaded(t, c)
			wantStaging(r, got.Staging, image.Staging)
			image = got // whose chunks are others in memory than those that were saved
			for range rapid.IntRange(0, 4).Draw(r, "saves") {
				s := image.Staging
				for range rapid.IntRange(1, 4).Draw(r, "steps between two saves") {
					s = drawStaging(r, s)
				}
				image = staged(image, s)
				mustSave(t, c, image)
			}
			wantStaging(r, loaded(t, c).Staging, image.Staging)
			if err := c.Close(); err != nil {
				r.Fatal(err)
			}
		}
	})
}

// A Raft snapshot brings the same chunks in other memory, or others under the same id.
func TestAStagingOfAnotherOriginReplacesTheOneThatWasSaved(t *testing.T) {
	c := opened(t, newPath(t))
	image := staged(loaded(t, c), Staging{}.Add("a", []byte("one")).Add("a", []byte("two")))
	mustSave(t, c, image)
	for _, other := range []Staging{
		Staging{}.Add("a", []byte("one")).Add("a", []byte("two")).Add("a", []byte("three")),
		Staging{}.Add("a", []byte("uno")),
		Staging{}.Finish(Finished{Restore: "z", Index: 9}),
		{},
	} {
		image = staged(image, other)
		mustSave(t, c, image)
		wantStaging(t, loaded(t, c).Staging, other)
	}
}

func TestOnlyNewChunksAreWritten(t *testing.T) {
	c := opened(t, newPath(t))
	s := Staging{}
	for n := range 40 {
		s = s.Add("a", slices.Repeat([]byte{byte(n)}, 100_000))
	}
	image := staged(loaded(t, c), s)
	all := pagesWritten(c, func() { mustSave(t, c, image) })
	image = staged(image, s.Add("a", make([]byte, 100_000)))
	one := pagesWritten(c, func() { mustSave(t, c, image) })
	if one > all/10 {
		t.Errorf("40 chunks took %d pages, one more took %d", all, one)
	}
}

func TestEveryPartOfAStagingCountsInItsHash(t *testing.T) {
	one := Staging{}.Add("a", []byte("one"))
	hashes := map[string]string{}
	for name, s := range map[string]Staging{
		"one chunk":            one,
		"of another restore":   Staging{}.Add("b", []byte("one")),
		"another one":          Staging{}.Add("a", []byte("two")),
		"two chunks":           one.Add("a", []byte("two")),
		"in the other order":   Staging{}.Add("a", []byte("two")).Add("a", []byte("one")),
		"twice the same":       one.Add("a", []byte("one")),
		"finished":             one.Finish(Finished{Restore: "a", Index: 1}),
		"at another index":     one.Finish(Finished{Restore: "a", Index: 2}),
		"with instances":       one.Finish(Finished{Restore: "a", Index: 1, Instances: 1}),
		"with services":        one.Finish(Finished{Restore: "a", Index: 1, Services: 1}),
		"nothing":              {},
		"finished and one new": one.Finish(Finished{Restore: "a", Index: 1}).Add("b", []byte("one")),
	} {
		hash := s.Hash().String()
		if other, there := hashes[hash]; there {
			t.Errorf("%q and %q have the same hash", name, other)
		}
		hashes[hash] = name
	}
	if dropped := one.Drop(); dropped.Hash() != (Staging{}).Hash() {
		t.Error("what was dropped still counts")
	}
}

func TestADamagedStagingIsNoticed(t *testing.T) {
	for _, key := range []string{restoreKey, finishedKey, string(chunkKey(0)), string(chunkKey(1))} {
		for name, damage := range map[string]func(b *bbolt.Bucket) error{
			"missing": func(b *bbolt.Bucket) error { return b.Delete([]byte(key)) },
			"flipped": func(b *bbolt.Bucket) error {
				value := slices.Clone(b.Get([]byte(key)))
				value[len(value)-1] ^= 1
				return b.Put([]byte(key), value)
			},
		} {
			t.Run(fmt.Sprintf("%q %s", key, name), func(t *testing.T) {
				c := opened(t, newPath(t))
				s := Staging{}.Finish(Finished{Restore: "a", Index: 1, Instances: 2, Services: 3}).Add("b", []byte("one")).Add("b", []byte("two"))
				mustSave(t, c, staged(loaded(t, c), s))
				if err := c.db.Update(func(tx *bbolt.Tx) error { return damage(tx.Bucket([]byte(stagingBucket))) }); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Load(); !errors.Is(err, ErrCorrupt) {
					t.Errorf("loaded with error %v", err)
				}
			})
		}
	}
}
