package lb_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// These are ways in which other balancers were found to fail.

// grpc-java #12237: draws with replacement compare an instance with itself, and give the one that hangs its share for ever.
func TestOfTwoInstancesTheOneThatHangsGetsNothing(t *testing.T) {
	for _, strategy := range []string{"p2c", "least-connections", "peak-ewma", "adaptive"} {
		s := balancerOf(t, strategy, instances(2)).Service("payments")
		hung := acquire(t, s)
		for range 1000 {
			call := acquire(t, s)
			if call.Instance().ID == hung.Instance().ID {
				t.Fatalf("%s chose the instance that has a call in flight, over the idle one", strategy)
			}
			call.Done(lb.Outcome{})
		}
	}
}

// kratos' Apply and go-zero's subConns: what is known is forgotten when anybody comes or goes.
func TestWhatIsKnownSurvivesAChangeOfTheSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registryOf(t, "a", "b")
		s := balancer(t, "adaptive", lb.Local(reg), lb.WithBreaker(breaker.DefaultConfig())).Service("payments")
		for range 50 {
			call := acquire(t, s)
			if call.Instance().ID == "a" {
				time.Sleep(50 * time.Millisecond)
				call.Done(lb.Outcome{Err: errDown})
				continue
			}
			time.Sleep(10 * time.Millisecond)
			call.Done(lb.Outcome{})
		}
		open := acquire(t, s)
		before := endpoints(s)
		register(t, reg, "c")
		synctest.Wait()
		after := endpoints(s)
		for _, id := range []string{"a", "b"} {
			b, a := before[id], after[id]
			if a.Latency == 0 || a.Latency != b.Latency || a.Success != b.Success || a.InFlight != b.InFlight || a.InARow != b.InARow {
				t.Errorf("of %s was known %+v, and is after a change %+v", id, b, a)
			}
		}
		if len(after) != 3 {
			t.Errorf("%d instances, want 3", len(after))
		}
		open.Done(lb.Outcome{})
		for id, e := range endpoints(s) {
			if e.InFlight != 0 {
				t.Errorf("%s has %d calls in flight after the last has ended", id, e.InFlight)
			}
		}
	})
}

func TestAnInstanceThatWasStartedAnewIsANewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registryOf(t, "a")
		s := balancer(t, "adaptive", lb.Local(reg)).Service("payments")
		call := acquire(t, s)
		time.Sleep(time.Second)
		call.Done(lb.Outcome{})
		if endpoints(s)["a"].Latency != time.Second {
			t.Fatalf("latency is %v, want a second", endpoints(s)["a"].Latency)
		}
		i := instance("a")
		i.Port = 9090
		if _, err := reg.Register(i); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if e := endpoints(s)["a"]; e.Latency != 0 || e.Instance.Port != 9090 {
			t.Errorf("it still has what was known of the one before: %+v", e)
		}
	})
}

// go-kit's random shares one source of numbers without a lock; meant for the race detector.
func TestRandomMayBeUsedByMany(t *testing.T) {
	b := balancerOf(t, "random", instances(10))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			for range 100 {
				if _, err := b.SelectInstance(t.Context(), "payments"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// Release callbacks that are called twice make the count of calls in flight go below what it is; with pooled tokens, they
// end somebody else's call.
func TestTheEndOfACallCountsOnce(t *testing.T) {
	b := balancerOf(t, "p2c", instances(1))
	s := b.Service("payments")
	_, first, err := b.Pick(t.Context(), "payments")
	if err != nil {
		t.Fatal(err)
	}
	first(nil)
	_, second, err := b.Pick(t.Context(), "payments") // may be in what the first was in
	if err != nil {
		t.Fatal(err)
	}
	first(nil)
	first(errDown)
	expectInFlight(t, s, 1)
	second(nil)
	second(nil)
	expectInFlight(t, s, 0)

	call := acquire(t, s)
	call.Done(lb.Outcome{})
	call.Done(lb.Outcome{})
	expectInFlight(t, s, 0)
	if call.Instance().ID != "i0000" {
		t.Error("a call that has ended has lost its instance")
	}
}

// Linkerd's load biaser, and the simulation's 2% to 3% for every score of latency alone: who fails at once is the quickest.
func TestTheOneThatFailsAtOnceDoesNotGetTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := balancerOf(t, "adaptive", instances(5)).Service("payments")
		lost, calls := 0, 0
		for range 20000 {
			call := acquire(t, s)
			calls++
			if call.Instance().ID == "i0003" {
				lost++
				call.Done(lb.Outcome{Err: errDown})
				continue
			}
			time.Sleep(10 * time.Millisecond)
			call.Done(lb.Outcome{})
		}
		if share := float64(lost) / float64(calls); share > 0.005 {
			t.Errorf("%.2f%% of the calls went to the one that fails at once", 100*share)
		}
		if lost < 3 {
			t.Errorf("it was tried %d times only", lost)
		}
	})
}

// An instance that failed once and is never tried again would be lost for good: its share comes back.
func TestWhoHasRecoveredGetsItsShareBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := balancerOf(t, "adaptive", instances(5)).Service("payments")
		got := 0
		for n := range 20000 {
			down := n < 5000
			call := acquire(t, s)
			bad := call.Instance().ID == "i0003"
			if bad && down {
				call.Done(lb.Outcome{Err: errDown})
				continue
			}
			if bad && n >= 15000 {
				got++
			}
			time.Sleep(10 * time.Millisecond)
			call.Done(lb.Outcome{})
		}
		if got < 500 {
			t.Errorf("the recovered instance got %d of 5,000 calls, want about 1,000", got)
		}
	})
}

// A score of latency alone has a newcomer, of which nothing is known, as the quickest of all.
func TestANewcomerIsNotRunDown(t *testing.T) {
	for _, strategy := range []string{"adaptive", "peak-ewma", "p2c", "least-connections"} {
		t.Run(strategy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := registryOf(t, "a", "b", "c", "d")
				s := balancer(t, strategy, lb.Local(reg)).Service("payments")
				for range 200 {
					call := acquire(t, s)
					time.Sleep(time.Millisecond)
					call.Done(lb.Outcome{})
				}
				register(t, reg, "new")
				synctest.Wait()
				var calls []lb.Call
				fresh := 0
				for range 100 {
					call := acquire(t, s)
					if call.Instance().ID == "new" {
						fresh++
					}
					calls = append(calls, call)
				}
				if fresh > 25 {
					t.Errorf("of 100 calls at once, %d went to the newcomer among five", fresh)
				}
				for i := range calls {
					calls[i].Done(lb.Outcome{})
				}
			})
		})
	}
}

// proposal #558 of grpc: a hedge that was given up counts as a failure, and ejects who is well.
func TestACallThatWasGivenUpIsHeldAgainstNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.DefaultConfig()
		c.ConsecutiveFailures = 3
		s := balancerOf(t, "adaptive", instances(3), lb.WithEjection(lb.Ejection{}), lb.WithBreaker(c)).Service("payments")
		for range 100 {
			for _, o := range []lb.Outcome{{Err: context.Canceled}, {Err: errDown, Verdict: lb.Neutral}} {
				call := acquire(t, s)
				call.Done(o)
			}
		}
		synctest.Wait()
		for id, e := range endpoints(s) {
			if e.State != lb.Ready || e.Success != 1 || e.InARow != 0 {
				t.Errorf("%s: %+v", id, e)
			}
		}
	})
}

// Linkerd's docs: an instance that says 429 at once gets more and more.
func TestWhoIsBusyGetsLessAndIsNotBlamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := breaker.DefaultConfig()
		c.ConsecutiveFailures = 3
		s := balancerOf(t, "adaptive", instances(5), lb.WithEjection(lb.Ejection{}), lb.WithBreaker(c)).Service("payments")
		busy := 0
		for range 5000 {
			call := acquire(t, s)
			if call.Instance().ID == "i0001" {
				busy++
				call.Done(lb.Outcome{Err: errDown, Verdict: lb.Rejected})
				continue
			}
			time.Sleep(10 * time.Millisecond)
			call.Done(lb.Outcome{})
		}
		synctest.Wait()
		if e := endpoints(s)["i0001"]; e.State != lb.Ready || e.InARow != 0 {
			t.Errorf("it is blamed: %+v", e)
		}
		if busy > 250 {
			t.Errorf("the busy one got %d of 5,000 calls", busy)
		}
	})
}

// grpc-go #2580: how fair is round robin while addresses change? Each new picker of others begins at a random place.
func TestTurnsGoOnWhileTheSetChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registryOf(t, "a", "b", "c", "d", "e")
		s := balancer(t, "round-robin", lb.Local(reg)).Service("payments")
		got := map[string]int{}
		for n := range 5000 {
			if n%2 == 0 {
				register(t, reg, "guest")
			} else if err := reg.Deregister("payments", "guest"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			call := acquire(t, s)
			got[call.Instance().ID]++
			call.Done(lb.Outcome{})
		}
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			if got[id] < 700 || got[id] > 1300 {
				t.Errorf("%v: %s is far from its share", got, id)
			}
		}
	})
}

// grpc-go, go-kit and kratos know nothing of tries: a retry may go where the first one failed.
func TestARetryGoesElsewhere(t *testing.T) {
	for _, strategy := range lb.Strategies() {
		for _, opts := range [][]lb.Option{nil, {lb.WithZone("z")}, {lb.WithBreaker(breaker.DefaultConfig())}} {
			list := append(instances(10), instance("home", in("z")))
			s := balancerOf(t, strategy, list, opts...).Service("payments")
			var tried lb.Tried
			seen := map[string]bool{}
			for range 11 {
				call, err := s.Acquire(t.Context(), lb.Query{Key: "k", Tried: &tried})
				if err != nil {
					t.Fatalf("%s after %d tries: %v", strategy, tried.Len(), err)
				}
				if id := call.Instance().ID; seen[id] {
					t.Errorf("%s chose %s again", strategy, id)
				}
				seen[call.Instance().ID] = true
				tried.Add(call.Instance().ID)
				call.Done(lb.Outcome{})
			}
			if _, err := s.Acquire(t.Context(), lb.Query{Tried: &tried}); !errors.Is(err, lb.ErrAllTried) {
				t.Errorf("%s: when all were tried the error is %v", strategy, err)
			}
		}
	}
}

// That there is nobody must be told from not knowing who there is.
func TestErrorsOfTheSourceChangeNothingAndAnEmptySetDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &polled{list: instances(3)}
		b := balancer(t, "round-robin", source)
		if _, err := b.SelectInstance(t.Context(), "payments"); err != nil {
			t.Fatal(err)
		}
		source.set(nil, errors.New("connection refused"))
		time.Sleep(time.Hour / 60)
		if _, err := b.SelectInstance(t.Context(), "payments"); err != nil {
			t.Errorf("after errors of the source: %v", err)
		}
		for _, nobody := range []error{registry.ErrServiceNotFound, registry.ErrNoHealthyInstances} {
			source.set(nil, fmt.Errorf("asked: %w", nobody))
			time.Sleep(2 * time.Second)
			if _, err := b.SelectInstance(t.Context(), "payments"); !errors.Is(err, nobody) {
				t.Errorf("the source says %v, and the balancer %v", nobody, err)
			}
		}
		source.set(instances(1), nil)
		time.Sleep(2 * time.Second)
		if _, err := b.SelectInstance(t.Context(), "payments"); err != nil {
			t.Errorf("when somebody is back: %v", err)
		}
	})
}

// polled is a source that does not watch.
type polled struct {
	mu    sync.Mutex
	list  []registry.Instance
	err   error
	asked atomic.Int64
}

func (p *polled) set(list []registry.Instance, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list, p.err = list, err
}

func (p *polled) Discover(context.Context, string) ([]registry.Instance, error) {
	p.asked.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.list, p.err
}
