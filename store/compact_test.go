package store

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/musterhq/muster/registry"
)

// compactsFrom lowers the size above which a file is compacted.
func compactsFrom(c *Checkpoint, size int64) *Checkpoint {
	c.small = size
	return c
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// A registry that was large once leaves a small file behind.
func TestAFileThatIsMostlyEmptyIsWrittenAnew(t *testing.T) {
	path := newPath(t)
	c := compactsFrom(opened(t, path), 256<<10)
	loaded(t, c)
	mustSave(t, c, imageOf(populated(5_000)))
	large := sizeOf(t, path)

	small := imageOf(populated(100))
	mustSave(t, c, small)
	mustSave(t, c, small)
	if size := sizeOf(t, path); size > large/mostlyEmpty {
		t.Errorf("the file had %d bytes for 5000 instances, and has %d for 100", large, size)
	}
	wantImage(t, loaded(t, c), small)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = compactsFrom(opened(t, path), 256<<10)
	wantImage(t, loaded(t, c), small)
	next := imageOf(edited(small.State, rand.New(rand.NewPCG(1, 1)), 50))
	mustSave(t, c, next)
	wantImage(t, loaded(t, c), next)
}

// Churn alone, by which each record is replaced again and again, does not make a file grow without end.
func TestChurnDoesNotMakeTheFileGrow(t *testing.T) {
	path := newPath(t)
	c := compactsFrom(opened(t, path), 512<<10)
	loaded(t, c)
	random := rand.New(rand.NewPCG(8, 8))
	image := imageOf(populated(300))
	mustSave(t, c, image)
	largest, compacted := int64(0), 0
	for n := range 120 {
		before := sizeOf(t, path)
		if n%10 == 0 {
			mustSave(t, c, imageOf(populated(3_000))) // a wave that comes and goes
		}
		image = imageOf(edited(image.State, random, 60))
		mustSave(t, c, image)
		if size := sizeOf(t, path); size < before {
			compacted++
		}
		largest = max(largest, sizeOf(t, path))
	}
	wantImage(t, loaded(t, c), image)
	t.Logf("%d times compacted, at most %d bytes", compacted, largest)
	if compacted < 3 || largest > 16<<20 {
		t.Errorf("it was compacted %d times, and grew to %d bytes", compacted, largest)
	}
}

func TestASmallFileAndAFullOneAreLeftAlone(t *testing.T) {
	path := newPath(t)
	c := opened(t, path)
	loaded(t, c)
	mustSave(t, c, imageOf(populated(2_000)))
	size := sizeOf(t, path)
	mustSave(t, c, imageOf(populated(10)))
	if got := sizeOf(t, path); got != size {
		t.Errorf("a small file went from %d to %d bytes", size, got)
	}

	full := compactsFrom(opened(t, newPath(t)), 256<<10)
	loaded(t, full)
	mustSave(t, full, imageOf(populated(2_000)))
	if full.bloated() {
		t.Error("a file that is full counts as mostly empty")
	}
}

// Whoever comes to the file while it is compacted, or after a process was killed in the middle, finds the old or the new one.
func TestACompactionThatWasBrokenOffLeavesTheOldFile(t *testing.T) {
	path := newPath(t)
	c := opened(t, path)
	loaded(t, c)
	image := imageOf(populated(200))
	mustSave(t, c, image)
	if _, err := c.rewritten(image); err != nil { // and no further
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = opened(t, path)
	wantImage(t, loaded(t, c), image)
	if _, err := os.Stat(path + compactedSuffix); !os.IsNotExist(err) {
		t.Errorf("what was left behind: %v", err)
	}
}

func TestACompactedFileIsLocked(t *testing.T) {
	path := newPath(t)
	c := compactsFrom(opened(t, path), 256<<10)
	loaded(t, c)
	for n := range 3 {
		mustSave(t, c, imageOf(populated(5_000)))
		mustSave(t, c, imageOf(populated(100+n)))
		_, err := Open(path)
		wantLine(t, err, ErrInUse, path, "in use by another process")
	}
}

func TestWhereTheNewFileCannotBeWrittenTheErrorNamesIt(t *testing.T) {
	path := newPath(t)
	c := compactsFrom(opened(t, path), 256<<10)
	loaded(t, c)
	mustSave(t, c, imageOf(populated(5_000)))
	if err := os.MkdirAll(path+compactedSuffix+"/taken", 0o700); err != nil {
		t.Fatal(err)
	}
	err := c.Save(imageOf(registry.NewState()))
	if err == nil {
		t.Fatal("the file was compacted")
	}
	wantLine(t, err, err, path+compactedSuffix, "directory")
	wantImage(t, loaded(t, c), imageOf(registry.NewState())) // the image itself is saved
}

// BenchmarkCompact is what a save costs that compacts a file of 100,000 instances.
func BenchmarkCompact(b *testing.B) {
	path := newPath(b)
	c := opened(b, path)
	loaded(b, c)
	image := imageOf(populated(many))
	mustSave(b, c, image)
	for b.Loop() {
		if err := c.compact(image); err != nil {
			b.Fatal(err)
		}
	}
}
