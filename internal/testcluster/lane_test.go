package testcluster

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestJitterIsAnotherForEachPieceAndTheSameForTheSameSeed(t *testing.T) {
	dues := func() (dues []time.Duration) {
		c := newConditions()
		c.from.jitter = time.Second
		now := time.Now()
		for range 10 {
			dues = append(dues, c.from.due(c.from.piece(nil, now), now))
		}
		return dues
	}
	first := dues()
	if again := dues(); !slices.Equal(again, first) {
		t.Errorf("due in %v, and then in %v", first, again)
	}
	if different := slices.Compact(slices.Sorted(slices.Values(first))); len(different) != len(first) {
		t.Errorf("ten pieces are due in %v", first)
	}
}

func TestJitterStaysBetweenTheDelayAndItsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lane{rng: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))}
		l.delay = time.Duration(rapid.IntRange(0, 1e9).Draw(t, "delay"))
		l.jitter = time.Duration(rapid.IntRange(0, 1e9).Draw(t, "jitter"))
		now := time.Now()
		for range 10 {
			if due := l.due(l.piece(nil, now), now); due < l.delay || due > l.delay+l.jitter {
				t.Fatalf("due in %s with a delay of %s and a jitter of %s", due, l.delay, l.jitter)
			}
		}
	})
}

func TestACapIsKeptWhateverTheSizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lane{rng: rand.New(rand.NewPCG(1, 1))}
		l.rate = rapid.IntRange(1, 1<<20).Draw(t, "rate")
		begin := time.Now()
		now, gone := begin, 0
		sizes := rapid.SliceOfN(rapid.IntRange(1, 32<<10), 1, 20).Draw(t, "sizes")
		for _, size := range sizes {
			n, wait := l.admitStream(l.piece(make([]byte, size), now), now)
			if allowed := now.Sub(begin).Seconds()*float64(l.rate) + float64(max(1, l.rate/slicesPerSecond)); float64(gone+n) > allowed+1 {
				t.Fatalf("%d bytes after %s at %d bytes a second", gone+n, now.Sub(begin), l.rate)
			}
			gone += n
			now = now.Add(wait)
		}
	})
}

func TestALimitIsSharedAndNeverPassed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lane{rng: rand.New(rand.NewPCG(1, 1))}
		allowed := rapid.Int64Range(1, 10_000).Draw(t, "limit")
		l.limit = &limit{left: allowed}
		now := time.Now()
		for _, size := range rapid.SliceOf(rapid.IntRange(1, 5_000)).Draw(t, "sizes") {
			l.admitStream(l.piece(make([]byte, size), now), now)
		}
		if l.traffic.Bytes > allowed || l.traffic.Bytes+l.limit.left != allowed {
			t.Fatalf("%d bytes of %d went, and %d are left", l.traffic.Bytes, allowed, l.limit.left)
		}
	})
}
