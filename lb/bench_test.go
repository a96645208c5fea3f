package lb_test

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/lb"
)

// BenchmarkAcquire is a choice and its end. On a machine that others use too, the processor time of a call tells more than
// the time that has passed.
func BenchmarkAcquire(b *testing.B) {
	for _, strategy := range lb.Strategies() {
		for _, n := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", strategy, n), func(b *testing.B) {
				s := balancerOf(b, strategy, instances(n)).Service("payments")
				warmUp(b, s)
				ctx := b.Context()
				b.ReportAllocs()
				measure(b, func(pb *testing.PB) {
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

// BenchmarkAcquireBusy is a choice among instances that all have calls in flight, so that they must be compared: where one
// has nothing in flight, none can have less.
func BenchmarkAcquireBusy(b *testing.B) {
	for _, strategy := range []string{"p2c", "least-connections", "adaptive"} {
		b.Run(strategy, func(b *testing.B) {
			const n = 100
			s := balancerOf(b, strategy, instances(n)).Service("payments")
			for range 10 * n {
				acquire(b, s)
			}
			ctx := b.Context()
			b.ReportAllocs()
			measure(b, func(pb *testing.PB) {
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

// BenchmarkFloor is the least that taking turns can cost: one counter that all share.
func BenchmarkFloor(b *testing.B) {
	list := instances(1000)
	var turn atomic.Uint64
	measure(b, func(pb *testing.PB) {
		for pb.Next() {
			if list[turn.Add(1)%uint64(len(list))].Port == 0 {
				b.Error("no port")
			}
		}
	})
}

// measure runs the body and reports, beside the time that passes, the processor time of a call on all processors together.
func measure(b *testing.B, body func(*testing.PB)) {
	b.Helper()
	b.ResetTimer()
	before := processorTime(b)
	b.RunParallel(body)
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
