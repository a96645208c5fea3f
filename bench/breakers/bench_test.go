package breakers

import (
	"testing"
	"time"
)

func BenchmarkNone(b *testing.B) { measure(b, func(fn func() error) error { return fn() }) }

func BenchmarkClosedInARow(b *testing.B) { compare(b, inARow, func(g guard) guard { return g }) }

func BenchmarkClosedRate(b *testing.B) { compare(b, rate, func(g guard) guard { return g }) }

func BenchmarkOpen(b *testing.B) { compare(b, rate, refuses) }

func compare(b *testing.B, contenders []contender, prepare func(guard) guard) {
	for _, c := range contenders {
		b.Run(c.name, func(b *testing.B) {
			measure(b, prepare(c.make(b, settings{openFor: time.Hour})))
		})
	}
}

// measure runs on as many goroutines as -cpu says; the figure is the time divided by the calls of all.
func measure(b *testing.B, g guard) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_ = g(works)
		}
	})
}
