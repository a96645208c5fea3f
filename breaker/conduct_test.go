package breaker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/breaker"
)

// These are ways in which other circuit breakers were found to fail: to refuse for good, to let everybody through, to
// hang, to believe what is long out of date.

func TestAProbeThatNeverReturnsLosesItsPlaceWhenItsLeaseIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := with(t, fast())
		tripToHalfOpen(t, b)
		hangs := allowed(t, b)
		time.Sleep(10*time.Second - 1)
		expectRefused(t, b)
		time.Sleep(time.Nanosecond)
		expectRefused(t, b) // it counts as failed: the breaker is open again
		expectState(t, b, breaker.Open)

		time.Sleep(time.Minute)
		second := allowed(t, b)
		if hangs.Done(nil) {
			t.Error("a probe counted that had lost its place")
		}
		expectState(t, b, breaker.HalfOpen)
		if !second.Done(nil) {
			t.Error("a probe did not count that had its place")
		}
		expectState(t, b, breaker.Closed)
	})
}

func TestAPlaceWhoseLeaseIsOverIsGivenToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fast()
		c.ProbesToOpen = 2
		b := with(t, c)
		tripToHalfOpen(t, b)
		hangs := allowed(t, b)
		time.Sleep(10 * time.Second)
		second := allowed(t, b)
		expectSame(t, b.Counts(), breaker.Counts{Probes: 1, Failed: 1})
		hangs.Done(errDown)
		expectState(t, b, breaker.HalfOpen)
		second.Done(nil)
		expectState(t, b, breaker.Closed)
	})
}

func TestAPanicCountsAndIsPassedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends(t, func(call func() error) {
			defer func() {
				if r := recover(); r != "boom" {
					t.Errorf("recovered %v", r)
				}
			}()
			_ = call()
			t.Error("the panic was swallowed")
		}, func() error { panic("boom") })
	})
}

func TestAGoroutineThatEndsCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ends(t, func(call func() error) {
			var wg sync.WaitGroup
			wg.Go(func() {
				_ = call()
				t.Error("the goroutine went on")
			})
			wg.Wait()
		}, func() error { runtime.Goexit(); return nil })
	})
}

// ends makes calls that do not return, with each way to call: when the breaker is closed they open it, as a probe they
// open it again, and it recovers.
func ends(t *testing.T, safely func(call func() error), fn func() error) {
	for name, call := range waysToCall {
		b := with(t, fast())
		once := func() { safely(func() error { return call(t.Context(), b, fn) }) }
		once()
		once()
		expectState(t, b, breaker.Open)
		time.Sleep(time.Minute)
		once()
		expectState(t, b, breaker.Open)
		time.Sleep(time.Minute)
		if err := call(t.Context(), b, works); err != nil {
			t.Errorf("%s: the breaker is stuck: %v", name, err)
		}
		expectState(t, b, breaker.Closed)
	}
}

func TestFiftyCallersMeetOneHalfOpenBreakerAndOneGoesThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := with(t, fast())
		tripToHalfOpen(t, b)
		var through, refused atomic.Int64
		for range 50 {
			go func() {
				err := b.Call(func() error { through.Add(1); time.Sleep(time.Second); return nil })
				if errors.Is(err, breaker.ErrOpen) {
					refused.Add(1)
				}
			}()
		}
		synctest.Wait()
		expectSame(t, fmt.Sprint(through.Load(), refused.Load()), "1 49")
		time.Sleep(time.Second)
		synctest.Wait()
		expectState(t, b, breaker.Closed)
	})
}

func TestCallsThatTheirCallersGaveUpCountNeitherWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := with(t, fast())
		gaveUp := func(fn func(context.Context) error) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_ = b.CallContext(ctx, func(ctx context.Context) error { cancel(); return fn(ctx) })
		}
		for range 10 {
			_ = b.Call(func() error { return fmt.Errorf("asking: %w", context.Canceled) })
			gaveUp(func(context.Context) error { return errors.New("connection was closed") })
		}
		expectSame(t, b.Counts(), breaker.Counts{})

		tripToHalfOpen(t, b)
		gaveUp(func(ctx context.Context) error { return ctx.Err() })
		expectState(t, b, breaker.HalfOpen) // and its place is free
		allowed(t, b).Done(nil)
		expectState(t, b, breaker.Closed)
	})
}

func TestAResultOfAnEarlierPeriodIsIgnoredAndItsHolderTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := with(t, fast())
		late := []*breaker.Permit{allowed(t, b), allowed(t, b), allowed(t, b), allowed(t, b)}
		ignored := func(want breaker.State, err error) {
			t.Helper()
			if late[0].Done(err) {
				t.Error("a late result counted")
			}
			late = late[1:]
			expectState(t, b, want)
		}
		trip(t, b)
		ignored(breaker.Open, nil)
		time.Sleep(time.Minute)
		ignored(breaker.HalfOpen, errDown)
		ignored(breaker.HalfOpen, nil)
		probe := allowed(t, b)
		expectRefused(t, b)
		probe.Done(nil)
		before := b.Counts()
		ignored(breaker.Closed, errDown)
		expectSame(t, b.Counts(), before)
	})
}

func TestFailuresOnBothSidesOfAnIntervalAreSeenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a window that begins anew every 10 s would see ten calls, then ten
		b := with(t, breaker.Config{FailureRate: 0.5, MinCalls: 20, Window: 10 * time.Second})
		time.Sleep(9 * time.Second)
		for range 2 {
			for range 10 {
				_ = b.Call(fails)
			}
			time.Sleep(2 * time.Second)
		}
		expectState(t, b, breaker.Open)
	})
}

func TestABreakerThatNobodyCallsBecomesHalfOpenByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []breaker.Event
		c := fast()
		c.OnStateChange = func(e breaker.Event) { heard = append(heard, e) }
		trip(t, with(t, c))
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(heard) != 2 || heard[1].To != breaker.HalfOpen {
			t.Errorf("the hook heard %+v", heard)
		}
	})
}

func TestBreakersKeepNoGoroutines(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 1000 {
		b := with(t, fast())
		trip(t, b)
		_ = b.Call(works)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}
