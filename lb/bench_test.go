package lb_test

import (
	"fmt"
	"testing"

	"github.com/musterhq/muster/lb"
)

// BenchmarkAcquire is a choice and its end.
func BenchmarkAcquire(b *testing.B) {
	for _, strategy := range lb.Strategies() {
		for _, n := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", strategy, n), func(b *testing.B) {
				s := balancerOf(b, strategy, instances(n)).Service("payments")
				warmUp(b, s)
				ctx := b.Context()
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						call, err := s.Acquire(ctx, lb.Query{})
						if err != nil {
							b.Error(err)
						}
						call.Done(lb.Outcome{})
					}
				})
			})
		}
	}
}

func warmUp(tb testing.TB, s *lb.Service) {
	for range 10000 {
		call, err := s.Acquire(tb.Context(), lb.Query{})
		if err != nil {
			tb.Fatal(err)
		}
		call.Done(lb.Outcome{})
	}
}
