package breaker

import (
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestGoroutinesOnDifferentStripesAreSummedUp has many goroutines record at once, also while slices are taken into use.
func TestGoroutinesOnDifferentStripesAreSummedUp(t *testing.T) {
	for name, w := range map[string]window{
		"in time":  newTimeWindow(10 * time.Second),
		"in calls": newCallWindow(30_000),
	} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 100 {
				wg.Go(func() {
					for i := range 100 {
						now := time.Duration(i) * 100 * time.Millisecond
						w.record(now, failed)
						w.record(now, slow)
						w.record(now, 0)
					}
				})
			}
			wg.Wait()
			if got, want := w.counts(9999*time.Millisecond), (Counts{Calls: 30_000, Failures: 10_000, Slow: 10_000}); got != want {
				t.Errorf("it counts %+v, want %+v", got, want)
			}
		})
	}
}

func TestAResultThatIsLateByAWholeWindowIsDropped(t *testing.T) {
	w := newTimeWindow(10 * time.Second)
	w.record(12*time.Second, 0)
	w.record(2*time.Second, failed) // its slice counts another time by now
	if got, want := w.counts(12*time.Second), (Counts{Calls: 1}); got != want {
		t.Errorf("it counts %+v, want %+v", got, want)
	}
}

func TestOpenTimesStayWithinTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.Int64Range(1, int64(longest))
		c := Config{
			OpenFor: time.Duration(d.Draw(t, "open")),
			Growth:  rapid.Float64Range(1, maxGrowth).Draw(t, "growth"),
			Jitter:  rapid.Float64Range(0, 1).Draw(t, "jitter"),
		}
		c.MaxOpenFor = max(c.OpenFor, time.Duration(d.Draw(t, "max")))
		c.ConsecutiveFailures = 1
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		got := c.openTime(rapid.IntRange(1, 1_000_000).Draw(t, "opening"))
		lowest, highest := float64(c.OpenFor)*(1-c.Jitter), float64(c.MaxOpenFor)*(1+c.Jitter)
		if got < 1 || float64(got) < lowest-1 || float64(got) > highest+1 {
			t.Errorf("%v is not within %v and %v", got, time.Duration(lowest), time.Duration(highest))
		}
	})
}

func TestGoroutinesSpreadOverStripes(t *testing.T) {
	var mu sync.Mutex
	used := map[uint64]int{}
	var wg, began sync.WaitGroup
	began.Add(1000)
	for range 1000 {
		wg.Go(func() {
			began.Done()
			began.Wait() // all are there at once, each with a stack of its own
			var here int64
			mu.Lock()
			defer mu.Unlock()
			used[stripeOf(&here)]++
		})
	}
	wg.Wait()
	for s := range uint64(stripes) {
		if n := used[s]; n < 1000/stripes/3 {
			t.Errorf("stripe %d has %d of 1000 goroutines: %v", s, n, used)
		}
	}
	if len(used) != stripes {
		t.Errorf("%d stripes in use: %v", len(used), used)
	}
}
