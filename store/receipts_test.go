package store

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
)

func receipt(key string) *record.Receipt {
	return &record.Receipt{Key: key, Index: 7, Effects: []record.Effect{record.EffectCreated | record.EffectChanged, 0}}
}

func with(r Receipts, n int) Receipts {
	for range n {
		r, _ = r.Add(receipt(fmt.Sprint("k", r.Next())))
	}
	return r
}

func keysOf(r Receipts) (keys []string) {
	for n, receipt := range r.Since(0) {
		keys = append(keys, fmt.Sprint(n, " ", receipt.Key))
	}
	return keys
}

// remembering is the image with other receipts and another history, at the next index.
func remembering(image Image, r Receipts, h History) Image {
	edit := image.State.Edit()
	edit.SetIndex(image.Index + 1)
	next := imageOf(edit.Commit())
	next.Receipts, next.History = r, h
	next.Hash.Join(r.Hash())
	next.Hash.Join(h.Hash())
	return next
}

func TestOfTooManyReceiptsTheOldestIsForgotten(t *testing.T) {
	full := with(Receipts{}, MaxReceipts)
	next, forgotten := full.Add(receipt("one more"))
	if forgotten == nil || forgotten.Key != "k0" || next.First() != 1 || next.Next() != MaxReceipts+1 {
		t.Fatalf("forgotten %+v, from %d to %d", forgotten, next.First(), next.Next())
	}
	next = with(next, 1000)
	var want record.Hash
	for number, r := range next.Since(0) {
		want.Join(receiptHash(number, r))
	}
	if want != next.Hash() {
		t.Error("the hash is not that of what is remembered")
	}
	if full.First() != 0 || full.Next() != MaxReceipts {
		t.Error("the receipts from before have changed")
	}
}

// A snapshot is written of receipts while the machine goes on from them.
func TestReceiptsStayAsTheyAre(t *testing.T) {
	base := with(Receipts{}.Skip(200), 100)
	want := fmt.Sprint(keysOf(base))
	one, _ := base.Add(receipt("one"))
	other, _ := base.Add(receipt("other"))
	if fmt.Sprint(keysOf(base)) != want {
		t.Error("they have changed")
	}
	for key, r := range map[string]Receipts{"one": one, "other": other} {
		if keys := keysOf(r); keys[100] != "300 "+key {
			t.Errorf("the last one is %q", keys[100])
		}
	}
}

// Saves come after any number of writes and of restores, and starts too.
func TestReceiptsAndHistoryAreLoadedAsTheyWereSaved(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		path := newPath(t)
		for range rapid.IntRange(1, 3).Draw(r, "starts") {
			c, err := Open(path)
			if err != nil {
				r.Fatal(err)
			}
			image := loaded(t, c)
			for range rapid.IntRange(0, 4).Draw(r, "saves") {
				receipts, history := image.Receipts, image.History
				if rapid.IntRange(0, 5).Draw(r, "restored") == 0 {
					receipts, history = receipts.Clear(), history.Clear()
				}
				receipts = with(receipts, rapid.IntRange(0, 600).Draw(r, "writes"))
				history = passing(r, history)
				image = remembering(image, receipts, history)
				if rapid.IntRange(0, 5).Draw(r, "failed before") == 0 {
					c.header = []byte("what a save left that did not reach the disk")
				}
				mustSave(t, c, image)
			}
			if err := c.Close(); err != nil {
				r.Fatal(err)
			}
			got, err := read(path)
			if err != nil {
				r.Fatal(err)
			}
			if fmt.Sprint(keysOf(got.Receipts)) != fmt.Sprint(keysOf(image.Receipts)) || got.Receipts.Next() != image.Receipts.Next() || got.Hash != image.Hash {
				r.Fatalf("saved %d to %d, loaded %d to %d", image.Receipts.First(), image.Receipts.Next(), got.Receipts.First(), got.Receipts.Next())
			}
			if diff := cmp.Diff(transitionsOf(image.History), transitionsOf(got.History)); diff != "" || got.History.Next() != image.History.Next() {
				r.Fatalf("saved up to %d and loaded up to %d (-saved +loaded):\n%s", image.History.Next(), got.History.Next(), diff)
			}
		}
	})
}

// A state that turned out wrong is replaced by the right one, whose receipts have the same numbers or nearly so.
func TestReceiptsOfAReplacedStateTakeThePlaceOfTheOldOnes(t *testing.T) {
	wrong := with(Receipts{}.Skip(10), 20)
	other, _ := Receipts{}.Skip(10).Add(receipt("another"))
	for name, right := range map[string]Receipts{
		"as many":     with(other, 19),
		"more":        with(other, 30),
		"fewer":       with(other, 5),
		"from before": with(Receipts{}.Skip(5), 25),
	} {
		path := newPath(t)
		c, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		image := remembering(loaded(t, c), wrong, History{})
		mustSave(t, c, image)
		image = remembering(image, right, History{})
		mustSave(t, c, image)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := read(path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if fmt.Sprint(keysOf(got.Receipts)) != fmt.Sprint(keysOf(right)) {
			t.Errorf("%s: loaded %v", name, keysOf(got.Receipts))
		}
	}
}
