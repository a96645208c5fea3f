package breaker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/musterhq/muster/breaker"
)

var errDown = errors.New("down")

func works() error { return nil }

func fails() error { return errDown }

// with returns a breaker of the configuration, which must be valid.
func with(tb testing.TB, c breaker.Config) *breaker.Breaker {
	tb.Helper()
	b, err := breaker.NewWith(c)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// rates is a breaker as it is used: the share of failures of 10 s opens it.
func rates() breaker.Config {
	return breaker.Config{FailureRate: 0.5, Window: 10 * time.Second, OpenFor: time.Hour}
}

func opened(tb testing.TB) *breaker.Breaker {
	b := with(tb, breaker.Config{ConsecutiveFailures: 1, OpenFor: time.Hour})
	_ = b.Call(fails)
	return b
}

// quick are the paths that a call takes when nothing is being decided.
func quick(tb testing.TB) map[string]*breaker.Breaker {
	slowCalls, lastCalls := rates(), rates()
	slowCalls.SlowRate, slowCalls.SlowCall = 0.5, time.Minute
	lastCalls.Window, lastCalls.Calls = 0, 100
	return map[string]*breaker.Breaker{
		"closed in a row":       breaker.New(5, time.Hour),
		"closed 10 s":           with(tb, rates()),
		"closed 10 s and slow":  with(tb, slowCalls),
		"closed last 100 calls": with(tb, lastCalls),
		"open":                  opened(tb),
	}
}

func BenchmarkCall(b *testing.B) {
	for name, cb := range quick(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = cb.Call(works)
			}
		})
		b.Run(name+", parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_ = cb.Call(works)
				}
			})
		})
	}
}

func BenchmarkGroup(b *testing.B) {
	g, err := breaker.NewGroup(breaker.DefaultGroupConfig())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g.Instance("payments", "p1")
		}
	})
}
