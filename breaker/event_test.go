package breaker_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/breaker"
)

func TestTheHookHearsWhatChangedAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []breaker.Event
		c := fast()
		c.OnStateChange = func(e breaker.Event) { heard = append(heard, e) }
		b, start := with(t, c), time.Now()

		tripToHalfOpen(t, b)
		_ = b.Call(fails)
		time.Sleep(time.Minute)
		allowed(t, b)
		time.Sleep(10 * time.Second)
		expectRefused(t, b)
		time.Sleep(time.Minute)
		_ = b.Call(works)

		at := func(d time.Duration) time.Time { return start.Add(d) }
		const closed, open, half = breaker.Closed, breaker.Open, breaker.HalfOpen
		expectSame(t, heard, []breaker.Event{
			{"payments/p1", closed, open, breaker.FailuresInARow, breaker.Counts{InARow: 2}, at(0), time.Minute},
			{"payments/p1", open, half, breaker.OpenTimeOver, breaker.Counts{}, at(time.Minute), 0},
			{"payments/p1", half, open, breaker.ProbesFailed, breaker.Counts{Failed: 1}, at(time.Minute), time.Minute},
			{"payments/p1", open, half, breaker.OpenTimeOver, breaker.Counts{}, at(2 * time.Minute), 0},
			{"payments/p1", half, open, breaker.LeaseOver, breaker.Counts{Failed: 1}, at(2*time.Minute + 10*time.Second), time.Minute},
			{"payments/p1", open, half, breaker.OpenTimeOver, breaker.Counts{}, at(3*time.Minute + 10*time.Second), 0},
			{"payments/p1", half, closed, breaker.ProbesSucceeded, breaker.Counts{Succeeded: 1}, at(3*time.Minute + 10*time.Second), 0},
		})
	})
}

func TestAHookMayUseTheBreakerItHearsOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b *breaker.Breaker
		var heard []string
		c := fast()
		c.OnStateChange = func(e breaker.Event) {
			heard = append(heard, fmt.Sprint("begin ", e.To))
			b.State()
			b.Ready()
			b.Counts()
			if e.To == breaker.HalfOpen {
				_ = b.Call(works) // changes the state within the hook; that is told afterwards
			}
			heard = append(heard, fmt.Sprint("end ", e.To))
		}
		b = with(t, c)
		trip(t, b)
		time.Sleep(time.Minute)
		synctest.Wait()
		expectState(t, b, breaker.Closed)
		expectSame(t, heard, []string{"begin open", "end open", "begin half-open", "end half-open", "begin closed", "end closed"})
	})
}

func TestASlowHookHearsEverythingInOrderAndHoldsUpOneGoroutineOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []breaker.State
		var running atomic.Int64
		c := fast()
		c.OnStateChange = func(e breaker.Event) {
			if running.Add(1) > 1 {
				t.Error("the hook runs twice at once")
			}
			time.Sleep(3 * time.Minute)
			heard = append(heard, e.To)
			running.Add(-1)
		}
		b := with(t, c)
		go func() { _, _ = b.Call(fails), b.Call(fails) }()
		synctest.Wait()
		for range 3 {
			time.Sleep(time.Minute)
			began := time.Now()
			_ = b.Call(fails)
			expectSame(t, time.Since(began), 0)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		const open, half = breaker.Open, breaker.HalfOpen
		expectSame(t, heard, []breaker.State{open, half, open, half, open, half, open, half})
	})
}

func TestAHookThatPanicsOrEndsItsGoroutineIsCalledAgain(t *testing.T) {
	for name, end := range map[string]func(){"panics": func() { panic("hook") }, "ends": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			var heard []breaker.State
			c := fast()
			c.OpenFor = time.Hour
			c.OnStateChange = func(e breaker.Event) {
				heard = append(heard, e.To)
				if e.To == breaker.Open {
					end()
				}
			}
			synctest.Test(t, func(t *testing.T) {
				b := with(t, c)
				var wg sync.WaitGroup
				wg.Go(func() {
					defer func() { _ = recover() }()
					_, _ = b.Call(fails), b.Call(fails)
				})
				wg.Wait()
				expectState(t, b, breaker.Open)
				time.Sleep(time.Hour)
				_ = b.Call(works)
				expectSame(t, heard, []breaker.State{breaker.Open, breaker.HalfOpen, breaker.Closed})
			})
		})
	}
}
