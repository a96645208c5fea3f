package balancers

import (
	"fmt"
	"testing"
)

func BenchmarkPick(b *testing.B) {
	for _, c := range contenders() {
		for _, n := range []int{10, 100, 1000} {
			pick := c.make(b, n)
			for range 5000 { // so that latencies and weights are known
				pick()
			}
			b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						pick()
					}
				})
			})
		}
	}
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
