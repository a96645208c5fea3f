package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

const beat = DefaultTTL / beatsPerLease

func TestARegistrationIsKeptAliveThreeTimesALease(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeRegistry, c *Client) {
		r := mustRegister(t, c, payments("p1"))
		began := time.Now()
		time.Sleep(20 * DefaultTTL)
		if n := f.count("heartbeats", began); n < 54 || n > 68 {
			t.Errorf("%d heartbeats in twenty leases", n)
		}
		if s := r.Status(); s.State != Registered || time.Since(s.LastHeartbeat) > 2*beat || !s.Created || s.Err != nil {
			t.Errorf("%+v", s)
		}
		if err := r.Close(t.Context()); err != nil || f.has("p1") || r.Status().State != Deregistered {
			t.Errorf("%v, %+v", err, r.Status())
		}
		time.Sleep(time.Nanosecond)
		began = time.Now()
		time.Sleep(DefaultTTL)
		if err := r.Close(t.Context()); err != nil || f.count("", began) != 0 {
			t.Errorf("it goes on after its end: %v", err)
		}
	})
}

func TestWhatTheRegistryHasLostComesBackWithinABeat(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		r := mustRegister(t, c, payments("p1"))
		if err := r.Report(t.Context(), registry.Unhealthy, "warming up"); err != nil {
			t.Fatal(err)
		}
		f.forget("p1")
		time.Sleep(beat * 12 / 10)
		if s := r.Status(); !f.has("p1") || s.Reregistered != 1 || !errors.Is(s.Reason, ErrForgotten) || s.State != Registered {
			t.Errorf("%+v", s)
		}
		f.mu.Lock()
		for name, i := range f.instances {
			if i.Status != registry.Unhealthy {
				t.Errorf("it said that it was unhealthy, and came back %s", i.Status)
			}
			i.Port = 1
			f.instances[name] = i
		}
		f.mu.Unlock()
		time.Sleep(beat * 12 / 10)
		if s := r.Status(); s.Reregistered != 2 || !errors.Is(s.Reason, ErrReplaced) || r.Instance().Port != 8080 {
			t.Errorf("%+v", s)
		}
	})
}

// A heartbeat is on its way while the instance is registered with another document: that the registry has another one than the
// heartbeat says is no news.
func TestAnAnswerToAHeartbeatOfAnEarlierDocumentSaysNothing(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		r := mustRegister(t, c, payments("p1"))
		f.set(func() {
			f.meddle = func(call *http.Request, _ string) error {
				if strings.HasSuffix(call.URL.Path, "heartbeats") {
					f.set(func() { f.meddle = nil })
					heavier := payments("p1")
					heavier.Weight = 200
					mustRegister(t, c, heavier)
				}
				return nil
			}
		})
		time.Sleep(3 * beat)
		if s := r.Status(); s.Reregistered != 0 || s.State != Registered || r.Instance().Weight != 200 {
			t.Errorf("%+v, %+v", s, r.Instance())
		}
	})
}

// What the registry has lost of a short lease may take longer than the lease to come back. What it still has lives on meanwhile.
func TestALongRestorationHoldsNoHeartbeatUp(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		const ttl = 3 * time.Second
		for n := range 2500 {
			mustRegister(t, c, payments(fmt.Sprint("p", n)), InBackground(), WithTTL(ttl))
		}
		time.Sleep(10 * ttl)
		kept := c.registrations.byName[wire.InstanceName{Service: "payments", ID: "p0"}]
		f.set(func() {
			for name := range f.instances {
				if name.ID != "p0" {
					delete(f.instances, name)
				}
			}
		})
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			// A beat, give or take a tenth, and the half of one in which something is restored.
			if s := kept.Status(); time.Since(s.LastHeartbeat) > ttl/3*7/4 {
				t.Fatalf("no heartbeat for %s", time.Since(s.LastHeartbeat))
			}
		}
		f.set(func() {
			if len(f.instances) != 2500 {
				t.Errorf("%d of 2,500 are there again", len(f.instances))
			}
		})
	})
}

func TestAThousandRegistrationsShareTheirCalls(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeRegistry, c *Client) {
		began := time.Now()
		for i := range 1000 {
			mustRegister(t, c, payments(fmt.Sprint("p", i)), InBackground())
		}
		time.Sleep(beat)
		if n := f.count("batch", began); n < 10 || n > 11 {
			t.Errorf("%d batches", n)
		}
		time.Sleep(beat)
		began = time.Now()
		time.Sleep(10 * beat)
		if n := f.count("", began); n < 9 || n > 12 {
			t.Errorf("%d calls in ten beats", n)
		}
		// All of them are lost, and nobody is reached for a while.
		f.set(func() { clear(f.instances) })
		f.down(true)
		began = time.Now()
		time.Sleep(40 * beat)
		if n := f.count("", began); n > 4*60 { // one a beat, and some at first
			t.Errorf("%d tries at three nodes in forty beats without a registry", n)
		}
		f.down(false)
		began = time.Now()
		time.Sleep(2 * beat)
		f.set(func() {
			if len(f.instances) != 1000 {
				t.Errorf("%d of a thousand are back after two beats", len(f.instances))
			}
		})
		calls, batches := f.count("", began), f.count("batch", began)
		if calls > 14 {
			t.Errorf("%d calls", calls)
		}
		first, last := time.Time{}, time.Time{}
		f.set(func() {
			for _, a := range f.asked {
				if strings.Contains(a.path, "batch") && a.at.After(began) {
					if first.IsZero() {
						first = a.at
					}
					last = a.at
				}
			}
		})
		t.Logf("back after %s: %d calls, %d of them batches, over %s", last.Sub(began), calls, batches, last.Sub(first))
		if last.Sub(first) < 9*batchPause*9/10 {
			t.Errorf("a thousand registrations within %s", last.Sub(first))
		}
	})
}

// A thousand programs that were started in the same moment, and lose the registry in the same moment.
func TestAThousandClientsDoNotComeBackAtOnce(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, _ *Client) {
		for i := range 1000 {
			c := f.client(t, 1)
			defer func() { _ = c.Close() }()
			mustRegister(t, c, payments(fmt.Sprint("p", i)))
		}
		peak := func(since time.Time) (most, all int) {
			slots := map[int]int{}
			f.mu.Lock()
			defer f.mu.Unlock()
			for _, a := range f.asked {
				if !a.at.Before(since) {
					slots[int(a.at.Sub(since)/(100*time.Millisecond))]++
					all++
				}
			}
			for _, n := range slots {
				most = max(most, n)
			}
			return most, all
		}
		time.Sleep(time.Nanosecond)
		began := time.Now()
		time.Sleep(2 * beat)
		most, _ := peak(began)
		if most > 100 {
			t.Errorf("at the start %d in one tenth of a second", most)
		}
		f.down(true)
		time.Sleep(20 * beat)
		f.down(false)
		f.set(func() { clear(f.instances) })
		began = time.Now()
		time.Sleep(2 * beat)
		most, all := peak(began)
		t.Logf("after an outage: %d calls in two beats, at most %d in a tenth of a second", all, most)
		f.set(func() {
			if len(f.instances) != 1000 {
				t.Errorf("%d of a thousand are back after two beats", len(f.instances))
			}
		})
		if most > 150 {
			t.Errorf("%d in one tenth of a second", most)
		}
	})
}

func TestAFrozenNodeDoesNotUseUpTheLease(t *testing.T) {
	story(t, 2, func(t *testing.T, f *fakeRegistry, c *Client) {
		r := mustRegister(t, c, payments("p1"))
		f.set(func() {
			f.meddle = func(r *http.Request, _ string) error {
				if r.URL.Host == "n1:7300" {
					return hang(r.Context())
				}
				return nil
			}
		})
		for range 100 {
			time.Sleep(time.Second)
			if s := r.Status(); time.Since(s.LastHeartbeat) > DefaultTTL*2/3 {
				t.Fatalf("no heartbeat for %s", time.Since(s.LastHeartbeat))
			}
		}
	})
}

func TestARefusalIsShownAndRetriedSlowly(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		bad := payments("p1")
		bad.Zone = "forbidden"
		if _, err := c.Register(t.Context(), bad); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in the foreground: %v", err)
		}
		began := time.Now()
		r := mustRegister(t, c, bad, InBackground())
		good := mustRegister(t, c, payments("p2"), InBackground())
		time.Sleep(10 * time.Minute)
		if s := r.Status(); s.State != Refused || s.Err == nil {
			t.Errorf("%+v", s)
		}
		if s := good.Status(); s.State != Registered {
			t.Errorf("the other one of the batch: %+v", s)
		}
		if n := f.count("instances", began) + f.count("batch", began); n > 24 {
			t.Errorf("%d tries in ten minutes", n)
		}
		if _, err := c.Register(t.Context(), payments("p1")); err != nil || r.Status().State != Registered {
			t.Errorf("a better document: %v, %+v", err, r.Status())
		}
	})
}

func TestAProgramMayStartBeforeTheRegistry(t *testing.T) {
	story(t, 3, func(t *testing.T, f *fakeRegistry, c *Client) {
		f.down(true)
		r := mustRegister(t, c, payments("p1"), InBackground())
		time.Sleep(time.Hour)
		if s := r.Status(); s.State != Retrying || s.Err == nil {
			t.Errorf("%+v", s)
		}
		f.down(false)
		time.Sleep(2 * beat)
		if r.Status().State != Registered || !f.has("p1") {
			t.Errorf("%+v", r.Status())
		}
	})
}

func TestRegisteringAgainReplacesTheDocument(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		r := mustRegister(t, c, payments("p1"))
		heavier := payments("p1")
		heavier.Weight = 200
		if again := mustRegister(t, c, heavier, WithTTL(3*time.Second)); again != r {
			t.Error("there are two")
		}
		began := time.Now()
		time.Sleep(30 * time.Second)
		if n := f.count("heartbeats", began); n < 26 || n > 36 {
			t.Errorf("%d heartbeats", n)
		}
		if i := r.Instance(); i.Weight != 200 || r.Status().Reregistered != 0 {
			t.Errorf("%+v", i)
		}
		heavier.Zone = "forbidden"
		if _, err := c.Register(t.Context(), heavier); err == nil {
			t.Error("it is not refused")
		}
		time.Sleep(time.Minute)
		if s := r.Status(); s.State != Registered || r.Instance().Zone != "" {
			t.Errorf("%+v", s)
		}
	})
}

func TestChangesAreSeen(t *testing.T) {
	story(t, 1, func(t *testing.T, f *fakeRegistry, c *Client) {
		r := mustRegister(t, c, payments("p1"))
		var seen []State
		done := make(chan struct{})
		go func() {
			defer close(done)
			for s := range r.Changes(context.Background()) {
				if len(seen) == 0 || seen[len(seen)-1] != s.State {
					seen = append(seen, s.State)
				}
			}
		}()
		synctest.Wait()
		f.down(true)
		time.Sleep(2 * beat)
		f.down(false)
		time.Sleep(2 * beat)
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
		<-done
		if fmt.Sprint(seen) != "[registered retrying registered deregistered]" {
			t.Errorf("%v", seen)
		}
	})
}
