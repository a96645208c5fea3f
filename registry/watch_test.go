package registry_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/registry"
)

func woken(s *registry.Subscription) bool {
	select {
	case <-s.C():
		return true
	default:
		return false
	}
}

func TestASubscriptionIsWokenForItsServicesOnly(t *testing.T) {
	p := registry.NewPublisher(at(0))
	a, ab, all, none := p.Subscribe("a", "a"), p.Subscribe("a", "b"), p.SubscribeAll(), p.Subscribe()
	defer a.Close()
	defer none.Close()
	for n, step := range []struct {
		changed                []string
		wakesA, wakesAB, wakes bool
	}{
		{nil, false, false, false},
		{[]string{"a"}, true, true, true},
		{[]string{"b"}, false, true, true},
		{[]string{"c"}, false, false, true},
		{[]string{"a", "b", "c"}, true, true, true},
		{[]string{""}, false, false, true},
	} {
		p.Publish(at(uint64(n)), step.changed)
		if woken(a) != step.wakesA || woken(ab) != step.wakesAB || woken(all) != step.wakes || woken(none) {
			t.Errorf("after %q the wrong ones were woken", step.changed)
		}
	}
	ab.Close()
	ab.Close()
	all.Close()
	p.Publish(at(9), []string{"a", "b"})
	if !woken(a) || woken(ab) || woken(all) {
		t.Error("after Close the wrong ones were woken")
	}
}

func TestWakeUpsDoNotPileUp(t *testing.T) {
	p := registry.NewPublisher(at(0))
	s := p.Subscribe("a")
	defer s.Close()
	for index := range uint64(1_000) { // with nobody there to receive
		p.Publish(at(index), []string{"a"})
	}
	if !woken(s) || woken(s) {
		t.Error("want one wake-up for all changes")
	}
	if p.State().Index() != 999 {
		t.Errorf("who is woken sees %d", p.State().Index())
	}
}

// TestWhoIsWokenFindsWhatWokeIt has a publish and its subscriber meet again and again: one that was woken before the State
// is there would look, find nothing new and wait for ever.
func TestWhoIsWokenFindsWhatWokeIt(t *testing.T) {
	const rounds = 20_000
	p := registry.NewPublisher(at(0))
	s := p.Subscribe("a")
	defer s.Close()
	start := make(chan uint64)
	var wg sync.WaitGroup
	wg.Go(func() {
		for index := range start {
			p.Publish(at(index), []string{"a"})
		}
	})
	for index := range uint64(rounds) {
		start <- index + 1
		<-s.C()
		if got := p.State().Index(); got != index+1 {
			t.Errorf("woken for %d, sees %d", index+1, got)
			break
		}
	}
	close(start)
	wg.Wait()
}

func TestAWakeUpWithoutAChangeIsNotYielded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := applyAll(t, register(instance(nil)))
		p := registry.NewPublisher(s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		looks := 0
		for snapshot := range p.Watch(ctx, "payments") {
			if looks++; looks > 1 {
				t.Errorf("got %+v", snapshot)
			}
			p.Publish(load(s), []string{"payments"}) // the same once more, as after a restore
		}
	})
}

// TestAWatchSeesAServiceComeChangeAndGo reads each Snapshot as it is due, and none that is not.
func TestAWatchSeesAServiceComeChangeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		var seen []string
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for snapshot, err := range reg.Watch(ctx, "payments") {
				if err != nil {
					t.Errorf("got error %v", err)
				}
				var text strings.Builder
				text.WriteString(fmt.Sprintf("%s at %d:", snapshot.Service, snapshot.Index))
				for _, i := range snapshot.Instances {
					text.WriteString(fmt.Sprintf(" %s:%d %s", i.ID, i.Port, i.Status))
				}
				seen = append(seen, text.String())
			}
		}()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		put := func(i registry.Instance) func() {
			return func() {
				_, err := reg.Register(i)
				must(err)
			}
		}
		reports := func(status registry.Status, output string) func() {
			return func() {
				must(reg.Report("payments", "p1", "", registry.Report{Status: status, Output: output}))
			}
		}
		moved := instance(func(i *registry.Instance) { i.Port = 9090 })
		for _, step := range []struct {
			name string
			do   func()
			want string // empty if nothing is to be heard
		}{
			{"the beginning", func() {}, "payments at 0:"},
			{"another service", put(named("other", "1")), ""},
			{"register", put(instance(nil)), "payments at 2: p1:8080 healthy"},
			{"register again", put(instance(nil)), ""},
			{"unhealthy", reports(registry.Unhealthy, "refused"), "payments at 3: p1:8080 unhealthy"},
			{"another output", reports(registry.Unhealthy, "timed out"), ""},
			{"the same output", reports(registry.Unhealthy, "timed out"), ""},
			{"replace", put(moved), "payments at 5: p1:9090 unhealthy"},
			{"a second one", put(named("payments", "p2")), "payments at 6: p1:9090 unhealthy p2:8080 healthy"},
			{"maintenance", func() { must(reg.Maintain("payments", "p2", registry.Maintenance{Enabled: true})) },
				"payments at 7: p1:9090 unhealthy p2:8080 healthy"},
			{"deregister", func() { must(reg.Deregister("payments", "p1")) }, "payments at 8: p2:8080 healthy"},
			{"deregister the last", func() { must(reg.Deregister("payments", "p2")) }, "payments at 9:"},
			{"another service again", func() { must(reg.Deregister("other", "1")) }, ""},
			{"back again", put(instance(nil)), "payments at 11: p1:8080 healthy"},
		} {
			step.do()
			synctest.Wait()
			var want []string
			if step.want != "" {
				want = []string{step.want}
			}
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step.name, diff)
			}
			seen = nil
		}
		cancel()
		<-ended
		if len(seen) > 0 {
			t.Errorf("after the end: %q", seen)
		}
	})
}

func TestASlowWatchHoldsUpNobodyAndSeesTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		looks := 0
		for snapshot := range reg.Watch(ctx, "payments") {
			if looks++; looks == 1 {
				for n := range 1_000 { // in the goroutine of the watch: a writer that waited for it would wait for ever
					if _, err := reg.Register(named("payments", fmt.Sprint(n))); err != nil {
						t.Fatal(err)
					}
				}
				continue
			}
			if snapshot.Index != 1_000 || len(snapshot.Instances) != 1_000 {
				t.Errorf("sees %d instances at %d", len(snapshot.Instances), snapshot.Index)
			}
			break
		}
	})
}

func TestAServiceThatComesAndGoesUnseenIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		looks := 0
		for snapshot := range reg.Watch(ctx, "payments") {
			if looks++; looks > 1 {
				t.Errorf("got %+v", snapshot)
			}
			if _, err := reg.Register(instance(nil)); err != nil {
				t.Fatal(err)
			}
			if err := reg.Deregister("payments", "p1"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAWatchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := registry.New()
		ended, end := context.WithCancel(t.Context())
		end()
		for range reg.Watch(ended, "payments") {
			t.Error("yields after the end")
		}
		deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		for _, err := range reg.Watch(deadline, "payments") {
			if err != nil {
				t.Errorf("got error %v", err)
			}
		}
		if lasted := time.Since(began); lasted != time.Minute {
			t.Errorf("lasted %v", lasted)
		}
		// A watch can be begun over again, and left early.
		watch := reg.Watch(t.Context(), "payments")
		for range 2 {
			for range watch {
				break
			}
		}
	})
}

// TestManyWatchersAndWritersEndAtTheFinalState is the promise of a watch: whatever was missed on the way, in the end
// everybody has seen what is, in the right order. It is meant for the race detector.
func TestManyWatchersAndWritersEndAtTheFinalState(t *testing.T) {
	defer goleak.VerifyNone(t)
	const services, writers, watchers, each = 3, 6, 12, 200
	reg := registry.New()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	name := func(n int) string { return fmt.Sprint("service-", n%services) }

	var done sync.WaitGroup // of the writers
	final := make(chan struct{})
	var watching sync.WaitGroup
	for n := range watchers {
		watching.Go(func() {
			latest := registry.Snapshot{}
			for snapshot, err := range reg.Watch(ctx, name(n)) {
				if err != nil || snapshot.Service != name(n) || snapshot.Index < latest.Index {
					t.Errorf("got %d after %d, %v", snapshot.Index, latest.Index, err)
				}
				latest = snapshot
				if len(snapshot.Instances) == 1 && snapshot.Instances[0].ID == "final" {
					break
				}
			}
			<-final
			if diff := cmp.Diff(reg.State().Service(name(n)).Snapshot(), latest); diff != "" {
				t.Errorf("the last snapshot is not the last state (-state +seen):\n%s", diff)
			}
		})
	}
	for w := range writers {
		done.Go(func() {
			id := fmt.Sprint("w", w)
			for range each {
				if _, err := reg.Register(named(name(w), id)); err != nil {
					t.Error(err)
				}
				if rand.N(2) == 0 {
					if err := reg.Report(name(w), id, "", registry.Report{Status: registry.Unhealthy}); err != nil {
						t.Error(err)
					}
				}
				if err := reg.Deregister(name(w), id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	for n := range services {
		if _, err := reg.Register(named(name(n), "final")); err != nil {
			t.Error(err)
		}
	}
	close(final)
	watching.Wait()
}
