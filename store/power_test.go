package store

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"
)

// When the power fails, a disk has written any part of what it was asked to write since the last sync, in any order, a
// sector whole or not at all. A transaction syncs once before its meta page and once after it. So before the first sync the
// file holds any of the new sectors but the meta's: the image is still the old one.
func TestAPowerFailureInASaveLeavesTheOldImage(t *testing.T) {
	const sector = 512
	path := newPath(t)
	c := opened(t, path)
	random := rand.New(rand.NewPCG(3, 3))
	old := loaded(t, c)
	for range 5 {
		old = imageOf(edited(old.State, random, 100))
		mustSave(t, c, old)
		before := contentOf(t, path)
		next := imageOf(edited(old.State, random, 100))
		mustSave(t, c, next)
		after := contentOf(t, path)

		firstRecord := 2 * os.Getpagesize()
		for range 20 {
			crashed := make([]byte, len(after)) // the file has its new size already
			copy(crashed, before)
			for at := firstRecord; at < len(after); at += sector {
				if random.IntN(2) == 0 {
					copy(crashed[at:at+sector], after[at:])
				}
			}
			wantImage(t, readContent(t, crashed), old)
		}
		crashed := bytes.Clone(after)
		copy(crashed[:firstRecord], before)
		wantImage(t, readContent(t, crashed), old)
		copy(crashed[:firstRecord], after)
		wantImage(t, readContent(t, crashed), next)
		old = next
	}
}

func contentOf(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func readContent(t *testing.T, content []byte) Image {
	t.Helper()
	path := newPath(t)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	image, err := read(path)
	if err != nil {
		t.Fatal(err)
	}
	return image
}
