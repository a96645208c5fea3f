package breaker_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/breaker"
)

func TestABreakerOpensAtTheThresholdAndClosesAfterAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(3, 30*time.Second)
		for range 2 {
			_ = b.Call(fails)
		}
		_ = b.Call(works) // begins the row anew
		for range 3 {
			expectState(t, b, breaker.Closed)
			if err := b.Call(fails); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
		}
		expectState(t, b, breaker.Open)

		time.Sleep(10 * time.Second)
		refused := refusal(t, b)
		expectSame(t, refused.RetryAfter(), 20*time.Second)

		time.Sleep(20*time.Second - 1)
		expectState(t, b, breaker.Open)
		expectSame(t, refusal(t, b).RetryAfter(), 1)
		time.Sleep(time.Nanosecond)
		expectState(t, b, breaker.HalfOpen)
		expectSame(t, refused.RetryAfter(), 0)
		if err := b.Call(works); err != nil {
			t.Fatal(err)
		}
		expectState(t, b, breaker.Closed)
		expectSame(t, b.Counts(), breaker.Counts{})
	})
}

func TestAProbeThatFailsOpensTheBreakerForTheSameTimeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(1, time.Second)
		_ = b.Call(fails)
		for range 5 {
			time.Sleep(time.Second)
			if err := b.Call(fails); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
			time.Sleep(time.Second - 1)
			expectRefused(t, b)
			time.Sleep(time.Nanosecond)
		}
	})
}

func TestSettingsThatMakeNoSenseAreReplacedByNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(0, -1)
		_ = b.Call(fails)
		expectSame(t, refusal(t, b).RetryAfter(), 30*time.Second)
	})
}

func TestAFewProbesAtOnceAndMoreToCloseOrOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := fast()
		c.Probes, c.ProbesToClose, c.ProbesToOpen = 2, 3, 2
		b := with(t, c)

		tripToHalfOpen(t, b)
		first, second := allowed(t, b), allowed(t, b)
		refused := refusal(t, b)
		expectSame(t, fmt.Sprint(refused.State, refused.RetryAfter()), "half-open 0s")
		first.Done(nil)
		second.Done(errDown) // one of three may fail
		expectSame(t, b.Counts(), breaker.Counts{Succeeded: 1, Failed: 1})
		allowed(t, b).Done(nil)
		expectState(t, b, breaker.HalfOpen)
		allowed(t, b).Done(nil)
		expectState(t, b, breaker.Closed)

		tripToHalfOpen(t, b)
		allowed(t, b).Done(errDown)
		expectState(t, b, breaker.HalfOpen)
		allowed(t, b).Done(errDown)
		expectState(t, b, breaker.Open)
	})
}

func TestTheShareOfFailuresOpensTheBreakerOnceThereAreEnoughCalls(t *testing.T) {
	for name, c := range map[string]breaker.Config{
		"in time":  {FailureRate: 0.5, MinCalls: 10, Window: 10 * time.Second},
		"in calls": {FailureRate: 0.5, MinCalls: 10, Calls: 10},
	} {
		t.Run(name, func(t *testing.T) {
			b := with(t, c)
			for range 4 {
				_ = b.Call(fails)
			}
			for range 5 {
				_ = b.Call(works)
			}
			expectState(t, b, breaker.Closed)
			expectSame(t, b.Counts(), breaker.Counts{Calls: 9, Failures: 4})
			_ = b.Call(fails)
			expectState(t, b, breaker.Open)
		})
	}
}

func TestSlowCallsOpenTheBreakerThoughTheySucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := with(t, breaker.Config{SlowRate: 0.5, SlowCall: time.Second, MinCalls: 4, OpenFor: time.Minute})
		takes := func(d time.Duration) error {
			return b.Call(func() error { time.Sleep(d); return nil })
		}
		for _, d := range []time.Duration{time.Second - 1, time.Second - 1, time.Second} {
			if err := takes(d); err != nil {
				t.Fatal(err)
			}
		}
		expectSame(t, b.Counts(), breaker.Counts{Calls: 3, Slow: 1})
		_ = takes(time.Hour) // the others are forgotten by then
		expectSame(t, b.Counts(), breaker.Counts{Calls: 1, Slow: 1})
		_, _, _ = takes(0), takes(0), takes(time.Second)
		expectState(t, b, breaker.Open)

		time.Sleep(time.Minute)
		_ = takes(time.Second)
		expectState(t, b, breaker.Open) // it still takes too long
		time.Sleep(time.Minute)
		_ = takes(0)
		expectState(t, b, breaker.Closed)
	})
}

func TestOpenTimesGrowWhileTheCalleeStaysDownAndBeginAnewWhenItWasWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := with(t, breaker.Config{ConsecutiveFailures: 1, OpenFor: time.Second, Growth: 2, MaxOpenFor: 5 * time.Second})
		failsFor := func(want time.Duration) {
			t.Helper()
			_ = b.Call(fails)
			expectSame(t, refusal(t, b).RetryAfter(), want)
			time.Sleep(want)
		}
		for _, seconds := range []int{1, 2, 4, 5, 5} {
			failsFor(time.Duration(seconds) * time.Second)
		}
		_ = b.Call(works)
		time.Sleep(5*time.Second - 1) // too short a time to be called well
		failsFor(5 * time.Second)
		_ = b.Call(works)
		time.Sleep(5 * time.Second)
		failsFor(time.Second)
	})
}

func TestJitterSpreadsOpenTimesWithinItsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shortest, longest := time.Hour, time.Duration(0)
		for range 1000 {
			b := with(t, breaker.Config{ConsecutiveFailures: 1, OpenFor: 10 * time.Second, Jitter: 0.2})
			_ = b.Call(fails)
			d := refusal(t, b).RetryAfter()
			shortest, longest = min(shortest, d), max(longest, d)
		}
		if shortest < 8*time.Second || shortest > 8500*time.Millisecond || longest > 12*time.Second || longest < 11500*time.Millisecond {
			t.Errorf("open times from %v to %v, want about all of 8 to 12 s", shortest, longest)
		}
	})
}
