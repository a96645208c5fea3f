package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
)

// Whatever happens to the state between one save and the next, the file holds what was saved last.
func TestWhatWasSavedIsWhatIsLoaded(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		path := newPath(t)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0))
		want := empty()
		for range rapid.IntRange(1, 3).Draw(r, "starts") {
			c, err := Open(path)
			if err != nil {
				r.Fatal(err)
			}
			got := loaded(t, c)
			wantImage(t, got, want)
			state := got.State
			for range rapid.IntRange(0, 4).Draw(r, "saves") {
				for range rapid.IntRange(1, 3).Draw(r, "states between two saves") {
					state = edited(state, random, rapid.IntRange(0, 150).Draw(r, "changes"))
				}
				want = imageOf(state)
				mustSave(t, c, want)
			}
			wantImage(t, loaded(t, c), want)
			if err := c.Close(); err != nil {
				r.Fatal(err)
			}
		}
		if err := os.Remove(path); err != nil {
			r.Fatal(err)
		}
	})
}

func TestTheDifferenceIsWhatTurnsOneStateIntoTheNext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		old := edited(registry.NewState(), random, rapid.IntRange(0, 200).Draw(t, "changes before"))
		next := edited(old, random, rapid.IntRange(0, 50).Draw(t, "changes"))
		if rapid.Bool().Draw(t, "unrelated") {
			next = edited(registry.NewState(), random, 100)
		}

		records := recordsOf(old)
		for c := range changes(old, next) {
			_, there := records[string(c.key)]
			switch {
			case c.value != nil:
				records[string(c.key)] = string(c.value)
			case !there:
				t.Fatalf("%q is removed and was not there", c.key)
			default:
				delete(records, string(c.key))
			}
		}
		if diff := cmp.Diff(recordsOf(next), records); diff != "" {
			t.Fatalf("the records (-want +got):\n%s", diff)
		}
	})
}

// recordsOf are all records of a state.
func recordsOf(s *registry.State) map[string]string {
	records := map[string]string{}
	for c := range changes(registry.NewState(), s) {
		records[string(c.key)] = string(c.value)
	}
	return records
}

func TestOnlyWhatChangedIsWritten(t *testing.T) {
	before := populated(1_000)
	edit := before.Edit()
	for _, op := range []registry.Operation{
		registry.SetMaintenance{Service: "service-00003", ID: "10.0.0.35:8080", Maintenance: registry.Maintenance{Enabled: true}},
		registry.Deregister{Service: "service-00009", ID: "10.0.0.91:8080"},
	} {
		if _, err := edit.Apply(1_001, op); err != nil {
			t.Fatal(err)
		}
	}
	after := edit.Commit()

	var got []string
	for c := range changes(before, after) {
		got = append(got, fmt.Sprintf("%q %t", c.key, c.value != nil))
	}
	want := []string{
		`"service-00003\x00" true`, `"service-00003\x0010.0.0.35:8080" true`,
		`"service-00009\x00" true`, `"service-00009\x0010.0.0.91:8080" false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("written:\n%q\nwant:\n%q", got, want)
	}

	c := opened(t, newPath(t))
	loaded(t, c)
	mustSave(t, c, imageOf(before))
	everything := pagesWritten(c, func() { mustSave(t, c, imageOf(populated(1_000))) }) // equal, but none of it is shared
	mustSave(t, c, imageOf(before))
	difference := pagesWritten(c, func() { mustSave(t, c, imageOf(after)) })
	nothing := pagesWritten(c, func() { mustSave(t, c, imageOf(after)) })
	wantImage(t, loaded(t, c), imageOf(after))
	if nothing >= difference || difference > everything/4 {
		t.Errorf("pages written for everything: %d, for the difference: %d, for nothing: %d", everything, difference, nothing)
	}
}

func pagesWritten(c *Checkpoint, save func()) int64 {
	before := c.db.Stats().TxStats
	save()
	after := c.db.Stats().TxStats
	written := after.Sub(&before)
	return written.GetPageCount()
}

// A disk that is full leaves the file as it was, and the next save is compared with that.
func TestAFailedSaveChangesNothing(t *testing.T) {
	path := newPath(t)
	c := opened(t, path)
	loaded(t, c)
	random := rand.New(rand.NewPCG(1, 1))
	before := edited(registry.NewState(), random, 100)
	mustSave(t, c, imageOf(before))

	c.db.MaxSize = 1
	between := edited(before, random, 300)
	wantLine(t, c.Save(imageOf(between)), berrors.ErrMaxSizeReached, path, "database reached maximum size")
	if c.saved != before {
		t.Error("the checkpoint takes for saved what is not")
	}
	c.db.MaxSize = 0
	wantImage(t, loaded(t, c), imageOf(before))

	after := edited(between, random, 20)
	mustSave(t, c, imageOf(after))
	wantImage(t, loaded(t, c), imageOf(after))
}

// When the last sync of a transaction fails, bbolt reports an error, but the file may hold the new image all the same.
func TestAFailedSaveThatReachedTheDiskLeavesNothingBehind(t *testing.T) {
	c := opened(t, newPath(t))
	loaded(t, c)
	random := rand.New(rand.NewPCG(2, 2))
	before := edited(registry.NewState(), random, 100)
	mustSave(t, c, imageOf(before))

	lost := imageOf(edited(before, random, 200))
	head, err := headerOf(lost).encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.db.Update(func(tx *bbolt.Tx) error { return c.write(tx, lost, head) }); err != nil {
		t.Fatal(err)
	}

	after := imageOf(edited(before, random, 200))
	mustSave(t, c, after)
	wantImage(t, loaded(t, c), after)
}

// After a panic inside bbolt its locks may be held for ever. Whoever asks gets an error, and never waits.
func TestAPanicInAWriteIsAnErrorFromThenOn(t *testing.T) {
	path := newPath(t)
	c := opened(t, path)
	loaded(t, c)
	image := imageOf(populated(10))
	mustSave(t, c, image)

	db := c.db
	c.db = nil
	wantLine(t, c.Save(imageOf(populated(20))), ErrCorrupt, path, "nil pointer")
	c.db = db
	wantLine(t, c.Save(image), ErrCorrupt, path, "nil pointer")
	_, err := c.Load()
	wantLine(t, err, ErrCorrupt, path, "nil pointer")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	wantImage(t, again, image)
}

func TestPairsWalkSideBySide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.MapOfN(rapid.StringN(0, 2, 2), rapid.Bool(), 0, 8)
		left, right := keys.Draw(t, "left"), keys.Draw(t, "right")
		got := map[string][2]bool{}
		last := ""
		for l, r := range pairs(sorted(left), sorted(right), func(s *string) string { return *s }) {
			key := ""
			switch {
			case l != nil && r != nil && *l != *r:
				t.Fatalf("%q comes with %q", *l, *r)
			case l != nil:
				key = *l
			default:
				key = *r
			}
			if len(got) > 0 && key <= last {
				t.Fatalf("%q comes after %q", key, last)
			}
			got[key], last = [2]bool{l != nil, r != nil}, key
		}
		want := map[string][2]bool{}
		for key := range left {
			want[key] = [2]bool{true, false}
		}
		for key := range right {
			_, both := left[key]
			want[key] = [2]bool{both, true}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("the pairs (-want +got):\n%s", diff)
		}
	})
}

func sorted(keys map[string]bool) func(func(*string) bool) {
	return func(yield func(*string) bool) {
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if !yield(&key) {
				return
			}
		}
	}
}
