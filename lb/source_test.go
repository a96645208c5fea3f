package lb_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

func TestAServiceThatNobodyUsesIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &polled{list: instances(1)}
		b := balancer(t, "random", source)
		s := b.Service("payments")
		for range 4 {
			acquire(t, s)
			time.Sleep(4 * time.Minute)
		}
		if s.Endpoints() == nil {
			t.Error("a service in use was let go")
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		asked := source.asked.Load()
		time.Sleep(time.Hour)
		if source.asked.Load() != asked || s.Endpoints() != nil {
			t.Error("a service that nobody uses is still watched")
		}
		acquire(t, s)
	})
}

func TestTheFirstUseWaitsForTheSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("connection refused")
		source := &polled{err: refused}
		b := balancer(t, "random", source)
		if _, err := b.SelectInstance(context.Background(), "payments"); !errors.Is(err, refused) {
			t.Errorf("without a deadline: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := b.SelectInstance(ctx, "payments"); !errors.Is(err, refused) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a deadline: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		time.AfterFunc(3*time.Second, func() { source.set(instances(1), nil) })
		begin := time.Now()
		if _, err := b.SelectInstance(ctx, "payments"); err != nil || time.Since(begin) > 5*time.Second {
			t.Errorf("when the source is back: %v after %v", err, time.Since(begin))
		}
	})
}

// TestADrainedInstanceIsNotChosen: when the watch is asked for the next snapshot, the last one is in use.

func TestCloseLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, source := range []lb.Source{lb.Local(registryOf(t, "a")), &polled{list: instances(1)}} {
		b := balancer(t, "adaptive", source, lb.WithBreaker(breaker.DefaultConfig()), lb.WithEjection(lb.Ejection{}))
		s := b.Service("payments")
		call := acquire(t, s)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		call.Done(lb.Outcome{Err: errDown})
		if _, err := s.Acquire(t.Context(), lb.Query{}); !errors.Is(err, lb.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		_ = b.Close()
	}
}

func TestUnhealthyInstancesAreNotChosen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registryOf(t, "a", "b", "c")
		b := balancer(t, "round-robin", lb.Local(reg))
		choose(t, b, 3)
		for n, id := range []string{"a", "b"} {
			if err := reg.Report("payments", id, "", registry.Report{Status: registry.Unhealthy}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if all := choose(t, b, 30); len(all) != 2-n || all[id] > 0 {
				t.Errorf("chosen: %v", all)
			}
		}
		if err := reg.Maintain("payments", "c", registry.Maintenance{Enabled: true}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := b.SelectInstance(t.Context(), "payments"); !errors.Is(err, registry.ErrNoHealthyInstances) {
			t.Errorf("with nobody healthy: %v", err)
		}
		for _, id := range []string{"a", "b", "c"} {
			if err := reg.Deregister("payments", id); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if _, err := b.SelectInstance(t.Context(), "payments"); !errors.Is(err, registry.ErrServiceNotFound) {
			t.Errorf("with nobody there: %v", err)
		}
	})
}

func TestSettingsThatMakeNoSenseAreRefused(t *testing.T) {
	_, err := lb.New("fastest", fixed{})
	if !errors.Is(err, lb.ErrInvalid) || !strings.Contains(err.Error(), "adaptive, round-robin") {
		t.Errorf("an unknown strategy: %v", err)
	}
	for _, o := range []lb.Option{
		lb.WithSubset(-1, "me"), lb.WithSubset(1, ""), lb.WithSlowStart(-1, 1), lb.WithSlowStart(1, 0), lb.WithPanicThreshold(2),
		lb.WithPanicThreshold(math.NaN()), lb.WithDecay(-1), lb.WithChoices(-1), lb.WithChoices(65), lb.WithIdle(0),
		lb.WithEjection(lb.Ejection{MaxShare: 2}), lb.WithEjection(lb.Ejection{Time: -1}), lb.WithEjection(lb.Ejection{MinCalls: -1}),
		lb.WithBreaker(breaker.Config{}), lb.WithEjection(lb.Ejection{Deviations: math.NaN()}),
	} {
		if _, err := lb.New("random", fixed{}, o); !errors.Is(err, lb.ErrInvalid) {
			t.Errorf("the error is %v", err)
		}
	}
	if !slices.Contains(lb.Strategies(), "rendezvous") {
		t.Error("Strategies lacks one")
	}
}

// steps is a source that yields two snapshots and tells when the second was used.
type steps struct {
	fixed
	first, then []registry.Instance
	confirmed   chan struct{}
}

func (s steps) next() { s.confirmed <- struct{}{} }

func (s steps) Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error] {
	return func(yield func(registry.Snapshot, error) bool) {
		yield(registry.Snapshot{Service: service, Index: 1, Instances: s.first}, nil)
		<-s.confirmed
		yield(registry.Snapshot{Service: service, Index: 2, Instances: s.then}, nil)
		close(s.confirmed)
		<-ctx.Done()
	}
}
