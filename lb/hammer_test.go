package lb_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// TestAThousandGoroutines choose and end calls in every way, with everything switched on, while the set changes. Meant for
// the race detector; beyond, nothing is in flight in the end.
func TestAThousandGoroutines(t *testing.T) {
	for _, strategy := range lb.Strategies() {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			hammer(t, strategy)
		})
	}
}

func hammer(t *testing.T, strategy string) {
	reg := registry.New()
	for i := range 20 {
		register(t, reg, fmt.Sprintf("i%04d", i), in(fmt.Sprint("z", i%3)), weighing(1+i*10))
	}
	c := breaker.DefaultConfig()
	c.OpenFor = time.Millisecond
	b := balancer(t, strategy, lb.Local(reg), lb.WithZone("z0"), lb.WithBreaker(c), lb.WithSubset(15, "me"),
		lb.WithSlowStart(20*time.Millisecond, 1), lb.WithOnChange(func(lb.Event) {}),
		lb.WithEjection(lb.Ejection{Interval: 5 * time.Millisecond, Time: 2 * time.Millisecond, MaxShare: 0.5}))
	s := b.Service("payments")
	stop := time.Now().Add(250 * time.Millisecond)
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; time.Now().Before(stop); n++ {
			id := fmt.Sprintf("i%04d", rand.IntN(19)) // the last one stays
			if n%2 == 0 {
				_ = reg.Deregister("payments", id)
			} else {
				register(t, reg, id, in(fmt.Sprint("z", n%3)))
			}
			_ = s.Endpoints()
			time.Sleep(time.Millisecond)
		}
	})
	for n := range 1000 {
		wg.Go(func() {
			for time.Now().Before(stop) {
				hammerOnce(t, b, s, n)
			}
		})
	}
	wg.Wait()
	expectInFlight(t, s, 0)
}

func hammerOnce(t *testing.T, b *lb.Balancer, s *lb.Service, n int) {
	outcome := lb.Outcome{Verdict: lb.Verdict(rand.IntN(5)), Load: lb.Load{InFlight: float64(rand.IntN(3)), Latency: time.Millisecond}}
	if rand.IntN(4) == 0 {
		outcome.Err = errDown
	}
	switch n % 3 {
	case 0:
		_, err := b.SelectInstance(t.Context(), "payments")
		expectReason(t, err)
	case 1:
		_, done, err := b.Pick(t.Context(), "payments")
		expectReason(t, err)
		if err == nil {
			done(outcome.Err)
			done(nil)
		}
	default:
		var tried lb.Tried
		for range 1 + rand.IntN(3) {
			call, err := s.Acquire(t.Context(), lb.Query{Key: fmt.Sprint(n), Tried: &tried, Zone: fmt.Sprint("z", n%4)})
			expectReason(t, err)
			if err != nil {
				return
			}
			tried.Add(call.Instance().ID)
			call.Done(outcome)
		}
	}
}

func expectReason(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, breaker.ErrOpen) && !errors.Is(err, lb.ErrAllTried) {
		t.Errorf("nobody was chosen: %v", err)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, strategy := range lb.Strategies() {
		for name, opts := range map[string][]lb.Option{
			"plain": nil, "zone": {lb.WithZone("z")}, "all": {lb.WithBreaker(breaker.DefaultConfig()), lb.WithEjection(lb.Ejection{})},
		} {
			b := balancerOf(t, strategy, append(instances(30), instance("home", in("z"))), opts...)
			s := b.Service("payments")
			outcome := lb.Outcome{Load: lb.Load{InFlight: 1}}
			var tried lb.Tried
			tried.Add("i0001")
			expectAllocations(t, strategy+" acquire "+name, 0, func() {
				call, _ := s.Acquire(t.Context(), lb.Query{Key: "k", Tried: &tried, Zone: "z"})
				call.Done(outcome)
			})
			expectAllocations(t, strategy+" select "+name, 0, func() { _, _ = b.SelectInstance(t.Context(), "payments") })
			expectAllocations(t, strategy+" pick "+name, 1, func() {
				_, done, _ := b.Pick(t.Context(), "payments")
				done(nil)
			})
		}
	}
}

func expectAllocations(t *testing.T, what string, most float64, f func()) {
	t.Helper()
	f()
	if got := testing.AllocsPerRun(1000, f); got > most && !raceDetector {
		t.Errorf("%s: %v allocations, want %v at most", what, got, most)
	}
}

func TestTwoUsesOfOneServiceAtOnceWatchItOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &polled{list: instances(1)}
		b := balancer(t, "random", source)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { _, _ = b.SelectInstance(t.Context(), "payments") })
		}
		wg.Wait()
		if n := source.asked.Load(); n != 1 {
			t.Errorf("the source was asked %d times", n)
		}
	})
}
