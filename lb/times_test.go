package lb_test

import (
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// diary keeps the events.
type diary struct {
	mu     sync.Mutex
	events []lb.Event
}

func (d *diary) note(e lb.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

func (d *diary) kinds() (kinds string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.events {
		kinds += string(e.Kind) + " " + e.Instance + ", "
	}
	return strings.TrimSuffix(kinds, ", ")
}

// fail makes calls until an instance has failed so often; all others succeed.
func fail(t *testing.T, s *lb.Service, id string, times int) {
	t.Helper()
	for range 100000 {
		call := acquire(t, s)
		if call.Instance().ID != id {
			call.Done(lb.Outcome{})
			continue
		}
		call.Done(lb.Outcome{Err: errDown})
		if times--; times == 0 {
			synctest.Wait()
			return
		}
	}
	t.Fatalf("%s was not called often enough", id)
}

func got(t *testing.T, s *lb.Service, calls int) map[string]int {
	t.Helper()
	all := map[string]int{}
	for range calls {
		call := acquire(t, s)
		all[call.Instance().ID]++
		call.Done(lb.Outcome{})
	}
	return all
}

func TestFailuresInARowEjectForAGrowingTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var diary diary
		s := balancerOf(t, "round-robin", instances(10), lb.WithEjection(lb.Ejection{}), lb.WithOnChange(diary.note)).Service("payments")
		for _, lasts := range []time.Duration{30 * time.Second, 60 * time.Second, 90 * time.Second} {
			fail(t, s, "i0004", 4)
			if n := got(t, s, 10)["i0004"]; n != 1 {
				t.Fatalf("chosen %d times of 10 after four failures", n)
			}
			fail(t, s, "i0004", 5)
			time.Sleep(lasts - time.Millisecond)
			synctest.Wait()
			if n := got(t, s, 100)["i0004"]; n != 0 {
				t.Fatalf("chosen %d times while it is ejected for %v", n, lasts)
			}
			if state := endpoints(s)["i0004"].State; state != lb.Ejected {
				t.Errorf("state is %q", state)
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if n := got(t, s, 100)["i0004"]; n != 10 {
				t.Fatalf("chosen %d times of 100 after %v", n, lasts)
			}
		}
		want := strings.TrimSuffix(strings.Repeat("ejected i0004, returned i0004, ", 3), ", ")
		if diary.kinds() != want {
			t.Errorf("events %q, want %q", diary.kinds(), want)
		}
		time.Sleep(4 * 10 * time.Second) // intervals without an ejection take the growth back
		fail(t, s, "i0004", 5)
		if e := diary.events[len(diary.events)-1]; e.For != 30*time.Second {
			t.Errorf("after good intervals it is ejected for %v", e.For)
		}
	})
}

func TestNoMoreAreEjectedThanMayBeAndNeverTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for n, c := range map[int]struct {
			share float64
			want  int
		}{1: {1, 0}, 2: {1, 1}, 5: {0.1, 1}, 20: {0.1, 2}, 10: {0.5, 5}} {
			s := balancerOf(t, "random", instances(n), lb.WithEjection(lb.Ejection{MaxShare: c.share}), lb.WithPanicThreshold(0)).Service("payments")
			for range 500 * n {
				call := acquire(t, s)
				call.Done(lb.Outcome{Err: errDown})
				synctest.Wait()
			}
			ejected := 0
			for _, e := range s.Endpoints() {
				if e.State == lb.Ejected {
					ejected++
				}
			}
			if ejected != c.want {
				t.Errorf("%d of %d are ejected, want %d", ejected, n, c.want)
			}
		}
	})
}

func TestALowSuccessRateEjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var diary diary
		s := balancerOf(t, "round-robin", instances(10), lb.WithEjection(lb.Ejection{ConsecutiveErrors: -1}), lb.WithOnChange(diary.note)).Service("payments")
		for n := range 2000 {
			call := acquire(t, s)
			o := lb.Outcome{}
			if bad := call.Instance().ID == "i0002"; bad && n%20 < 10 || n%40 == 0 {
				o.Err = errDown
			}
			call.Done(o)
		}
		if diary.kinds() != "" {
			t.Errorf("before the interval is over: %s", diary.kinds())
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if diary.kinds() != "ejected i0002" {
			t.Errorf("events: %s", diary.kinds())
		}
	})
}

func TestPanicDisregardsEjections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var diary diary
		s := balancerOf(t, "round-robin", instances(4), lb.WithEjection(lb.Ejection{MaxShare: 1}), lb.WithOnChange(diary.note)).Service("payments")
		for _, id := range []string{"i0000", "i0001"} {
			fail(t, s, id, 5)
		}
		if n := len(got(t, s, 100)); n != 2 {
			t.Fatalf("with half of four ejected, %d are chosen", n)
		}
		fail(t, s, "i0002", 5)
		if n := len(got(t, s, 100)); n != 4 {
			t.Fatalf("with three of four ejected, %d are chosen", n)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if !strings.Contains(diary.kinds(), "panic began") || !strings.HasSuffix(diary.kinds(), "panic ended ") {
			t.Errorf("events: %q", diary.kinds())
		}
	})
}

func TestSlowStart(t *testing.T) {
	for _, strategy := range []string{"round-robin", "random", "weighted", "p2c", "least-connections", "adaptive"} {
		t.Run(strategy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := registryOf(t, "a", "b", "c", "d")
				s := balancer(t, strategy, lb.Local(reg), lb.WithSlowStart(100*time.Second, 1)).Service("payments")
				acquire(t, s)
				register(t, reg, "new")
				synctest.Wait()
				for _, moment := range []struct {
					after time.Duration
					want  float64
				}{{0, 0.1}, {5 * time.Second, 0.1}, {45 * time.Second, 0.5}, {40 * time.Second, 0.9}, {10 * time.Second, 1}} {
					time.Sleep(moment.after)
					synctest.Wait()
					want := moment.want
					if e := endpoints(s)["new"]; math.Abs(e.Weight-100*want) > 3 {
						t.Errorf("weight is %v, want %v", e.Weight, 100*want)
					}
					if e := endpoints(s)["a"]; e.Weight != 100 {
						t.Errorf("an old one has weight %v", e.Weight)
					}
					if strategy == "round-robin" || strategy == "random" || strategy == "weighted" {
						part := float64(got(t, s, 20000)["new"]) / 20000
						if exact := want / (4 + want); math.Abs(part-exact) > 0.01 {
							t.Errorf("it gets %.3f of the calls, want %.3f", part, exact)
						}
					}
				}
			})
		})
	}
}

func TestAnOpenBreakerIsNotChosenAndAHalfOpenOneIsProbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, strategy := range lb.Strategies() {
			s := balancerOf(t, strategy, instances(6), lb.WithBreaker(breaker.Config{ConsecutiveFailures: 3, OpenFor: time.Minute})).Service("payments")
			for fails := 0; fails < 3; {
				call := acquire(t, s)
				time.Sleep(10 * time.Millisecond)
				if call.Instance().ID == "i0002" {
					fails++
					call.Done(lb.Outcome{Err: errDown})
				} else {
					call.Done(lb.Outcome{})
				}
				if strategy == "adaptive" {
					time.Sleep(time.Second)
				}
			}
			synctest.Wait()
			if state := endpoints(s)["i0002"].State; state != lb.Open {
				t.Errorf("%s: state is %q", strategy, state)
			}
			if n := got(t, s, 1000)["i0002"]; n != 0 {
				t.Errorf("%s: chosen %d times while its breaker is open", strategy, n)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			probe := acquire(t, s)
			if probe.Instance().ID != "i0002" {
				t.Errorf("%s: the half-open breaker's instance is not the next", strategy)
			}
			if n := got(t, s, 100)["i0002"]; n != 0 {
				t.Errorf("%s: %d more beside the only probe", strategy, n)
			}
			probe.Done(lb.Outcome{})
			synctest.Wait()
			if state := endpoints(s)["i0002"].State; state != lb.Ready {
				t.Errorf("%s: state after the probe is %q", strategy, state)
			}
		}
	})
}

func TestAllBreakersOpenIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := balancerOf(t, "adaptive", instances(3), lb.WithBreaker(breaker.Config{ConsecutiveFailures: 1, OpenFor: time.Minute}))
		s := b.Service("payments")
		for range 3 {
			call := acquire(t, s)
			call.Done(lb.Outcome{Err: errDown})
		}
		for range 2 {
			_, err := s.Acquire(t.Context(), lb.Query{})
			refused, ok := errors.AsType[*breaker.OpenError](err)
			if !errors.Is(err, breaker.ErrOpen) || !ok || refused.RetryAfter() != time.Minute {
				t.Errorf("the error is %v", err)
			}
			synctest.Wait()
		}
		if _, err := b.SelectInstance(t.Context(), "payments"); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("the error is %v", err)
		}
	})
}

func TestHomeIsPreferredWhileItCanCarryIt(t *testing.T) {
	homeShare := func(home, far int) float64 {
		var list []registry.Instance
		for n, i := range instances(home + far) {
			i.Zone = "home"
			if n >= home {
				i.Zone = "far"
			}
			list = append(list, i)
		}
		s := balancerOf(t, "random", list, lb.WithZone("home")).Service("payments")
		n := 0
		for id, calls := range got(t, s, 20000) {
			if number(id) < home {
				n += calls
			}
		}
		return float64(n) / 20000
	}
	for _, c := range []struct {
		home, far int
		want      float64
	}{{10, 10, 1}, {10, 17, 1}, {5, 15, 0.7}, {1, 19, 0.14}, {0, 10, 0}, {10, 0, 1}} {
		if share := homeShare(c.home, c.far); math.Abs(share-c.want) > 0.02 {
			t.Errorf("%d at home and %d elsewhere: %.2f stay, want %.2f", c.home, c.far, share, c.want)
		}
	}
}

func TestAQueryNamesItsZone(t *testing.T) {
	s := balancerOf(t, "p2c", []registry.Instance{instance("a", in("a")), instance("b", in("b"))}, lb.WithZone("a")).Service("payments")
	for range 50 {
		for zone, want := range map[string]string{"": "a", "a": "a", "b": "b"} {
			call, err := s.Acquire(t.Context(), lb.Query{Zone: zone})
			if err != nil || call.Instance().ID != want {
				t.Fatalf("from zone %q: %v, %v", zone, call.Instance().ID, err)
			}
			call.Done(lb.Outcome{})
		}
	}
}

func TestADrainedInstanceIsNotChosen(t *testing.T) {
	for _, strategy := range lb.Strategies() {
		confirmed := make(chan struct{})
		source := steps{first: instances(20), then: instances(10), confirmed: confirmed}
		b := balancer(t, strategy, source)
		if _, err := b.SelectInstance(t.Context(), "payments"); err != nil {
			t.Fatal(err)
		}
		source.next()
		<-confirmed
		for id := range choose(t, b, 200) {
			if number(id) >= 10 {
				t.Fatalf("%s chose %s, which it has confirmed to know is gone", strategy, id)
			}
		}
	}
}
