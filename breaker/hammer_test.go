package breaker_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/breaker"
)

// TestAThousandGoroutines call a callee that comes and goes, in all the ways in which a call can end. Meant for the race
// detector; beyond, no more probes than places are ever on their way, every change is told in order, and the breaker closes
// once the callee is well.
func TestAThousandGoroutines(t *testing.T) {
	for name, c := range map[string]breaker.Config{
		"in a row":      {ConsecutiveFailures: 5},
		"rate in time":  {FailureRate: 0.3, SlowRate: 0.9, SlowCall: time.Second, Window: 10 * time.Millisecond},
		"rate in calls": {FailureRate: 0.3, Calls: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hammer(t, c)
		})
	}
}

func hammer(t *testing.T, c breaker.Config) {
	const places = 3
	last, changes := breaker.Closed, 0
	c.OpenFor, c.Jitter, c.Probes, c.ProbesToClose, c.ProbeLease = time.Millisecond, 0.5, places, 2, time.Minute
	c.OnStateChange = func(e breaker.Event) { // no lock: it is called one at a time
		if e.From != last || e.To == last {
			t.Errorf("from %v to %v, but the last change was to %v", e.From, e.To, last)
		}
		last = e.To
		changes++
	}
	b := with(t, c)

	var down atomic.Bool
	var probing atomic.Int64
	call := func() {
		if b.State() == breaker.HalfOpen && b.Counts().Probes > places {
			t.Error("more probes than places")
		}
		p, err := b.Allow()
		if err != nil {
			return
		}
		probing.Add(1)
		defer probing.Add(-1)
		defer p.Report(breaker.Failure)
		switch n := rand.IntN(1000); {
		case n == 0:
			runtime.Goexit()
		case n == 1:
			p.Report(breaker.Neutral)
		case n < 10 || down.Load():
			p.Done(errDown)
		default:
			p.Done(nil)
		}
	}

	stop := time.Now().Add(300 * time.Millisecond)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				var one sync.WaitGroup
				one.Go(call)
				one.Wait()
				if rand.IntN(100) == 0 {
					down.Store(!down.Load())
				}
			}
		})
	}
	wg.Wait()

	for deadline := time.Now().Add(10 * time.Second); b.State() != breaker.Closed; {
		if err := b.Call(works); err != nil && !errors.Is(err, breaker.ErrOpen) || time.Now().After(deadline) {
			t.Fatalf("the breaker does not close: %v; it is %v and counts %+v", err, b.State(), b.Counts())
		}
		runtime.Gosched()
	}
	if changes == 0 {
		t.Error("the state never changed")
	}
	expectSame(t, fmt.Sprint(b.Counts().Probes, probing.Load()), "0 0")
}

func TestAThousandGoroutinesAskAGroup(t *testing.T) {
	g := newGroup(t)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			for range 100 {
				id := fmt.Sprint(rand.IntN(50))
				if rand.IntN(10) == 0 {
					g.Forget(breaker.Key{Service: "payments", Instance: id})
				}
				_ = g.Instance("payments", id).Call(works)
				for range g.All() {
					break
				}
			}
		})
	}
	wg.Wait()
	if n := g.Len(); n > 50 {
		t.Errorf("%d breakers for 50 instances", n)
	}
}
