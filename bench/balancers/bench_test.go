package balancers

import (
	"fmt"
	"syscall"
	"testing"
	"time"
)

// BenchmarkPick is a choice and its end. Beside the time that passes it tells the processor time of a call, on all processors
// together: that is what a call costs, also on a machine that others use at the same time.
func BenchmarkPick(b *testing.B) {
	for _, c := range contenders() {
		for _, n := range []int{10, 100, 1000} {
			pick := c.make(b, n)
			for range 5000 { // so that latencies and weights are known
				pick()
			}
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				before := processorTime(b)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						pick()
					}
				})
				b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}

func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestAllChooseAll: each contender is set up so that it does its work.
func TestAllChooseAll(t *testing.T) {
	for _, c := range contenders() {
		pick := c.make(t, 10)
		seen := map[string]bool{}
		for range 2000 {
			seen[pick()] = true
		}
		if len(seen) != 10 {
			t.Errorf("%s chooses %d of 10", c.name, len(seen))
		}
	}
}
