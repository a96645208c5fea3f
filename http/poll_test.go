package http

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// polls is a long poll: how long it takes, and what comes of it.
func polls(t *testing.T, prepare func(h *harness), target string, least, most time.Duration) reply {
	t.Helper()
	var answer reply
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		if prepare != nil {
			prepare(h)
		}
		began := time.Now()
		answer = h.call("GET", target, "")
		if took := time.Since(began); took < least || took > most {
			t.Errorf("%s took %s, want %s to %s", target, took, least, most)
		}
	})
	answer.t = t
	return answer
}

// after has something happen in the future.
func after(d time.Duration, what func(h *harness)) func(h *harness) {
	return func(h *harness) {
		h.register("payments", "payments-1")
		h.register("orders", "orders-1")
		time.AfterFunc(d, func() { what(h) })
	}
}

func there(h *harness) { after(time.Hour, func(*harness) {})(h) }

func TestALongPollAnswersWhenThereIsSomethingNewer(t *testing.T) {
	another := func(h *harness) { h.register("payments", "payments-2") }
	got := decoded[wire.Discovered](polls(t, after(7*time.Second, another), "/v1/services/payments?index=1", 7*time.Second, 7*time.Second).want(200))
	if got.Index != 3 || len(got.Instances) != 2 {
		t.Errorf("answered %+v", got)
	}
	polls(t, after(7*time.Second, another), "/v1/services/payments?index=0", 0, 0).want(200)
	list := decoded[wire.Services](polls(t, after(7*time.Second, another), "/v1/services?index=2&wait=10m", 7*time.Second, 7*time.Second).want(200))
	if list.Index != 3 || list.Services[1].Instances != 2 {
		t.Errorf("answered %+v", list)
	}
	polls(t, after(7*time.Second, another), "/v1/services?index=1", 0, 0).want(200)
}

func TestALongPollEndsInTimeWithWhatThereIs(t *testing.T) {
	for query, wait := range map[string]time.Duration{
		"index=1": 30 * time.Second, "index=1&wait=2s": 2 * time.Second, "index=1&wait=0s": 0, "index=1&wait=24h": 10 * time.Minute,
		"index=1&min_index=2&wait=4s": 4 * time.Second,
	} {
		r := polls(t, there, "/v1/services/payments?"+query, wait, wait+wait/16).want(200)
		if got := decoded[wire.Discovered](r); got.Index != 1 || len(got.Instances) != 1 {
			t.Errorf("%s: answered %+v", query, got)
		}
		if got := r.Header().Get(wire.HeaderIndex); got != "2" {
			t.Errorf("%s: shows index %s", query, got)
		}
	}
	polls(t, there, "/v1/services?index=2&wait=2s", 2*time.Second, 2*time.Second+time.Second/8).want(200)
}

func TestLongPollsThatBeganTogetherDoNotEndTogether(t *testing.T) {
	ends := map[time.Duration]bool{}
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		there(h)
		for range 20 {
			began := time.Now()
			h.call("GET", "/v1/services/payments?index=1", "").want(200)
			ends[time.Since(began).Round(10*time.Millisecond)] = true
		}
	})
	if len(ends) < 10 {
		t.Errorf("20 polls end at %d moments", len(ends))
	}
}

func TestALongPollForAServiceThatIsGoneOrNeverWas(t *testing.T) {
	const wait = 30 * time.Second
	vanished := func(h *harness) { h.call("DELETE", payments1, "").want(200) }
	// It goes while somebody waits, or has gone since.
	polls(t, after(7*time.Second, vanished), "/v1/services/payments?index=1", 7*time.Second, 7*time.Second).problem(wire.CodeServiceNotFound)
	gone := func(h *harness) { there(h); vanished(h) }
	polls(t, gone, "/v1/services/payments?index=1", 0, 0).problem(wire.CodeServiceNotFound)
	polls(t, gone, "/v1/services/payments?index=2", 0, 0).problem(wire.CodeServiceNotFound)
	// The caller knows that it has gone, or it never was there.
	polls(t, gone, "/v1/services/payments?index=3", wait, wait+wait/16).problem(wire.CodeServiceNotFound)
	polls(t, there, "/v1/services/ghost?index=1", wait, wait+wait/16).problem(wire.CodeServiceNotFound)
	appears := func(h *harness) { h.register("ghost", "g1") }
	polls(t, after(7*time.Second, appears), "/v1/services/ghost?index=1", 7*time.Second, 7*time.Second).want(200)
	back := func(h *harness) { gone(h); time.AfterFunc(7*time.Second, func() { h.register("payments", "p9") }) }
	polls(t, back, "/v1/services/payments?index=3", 7*time.Second, 7*time.Second).want(200)
	// Of what was before the floor nothing is known.
	forgetful := func(h *harness) {
		edit := registry.NewState().Edit()
		edit.StartAt(9)
		h.node.published.Publish(edit.Commit(), nil)
	}
	polls(t, forgetful, "/v1/services/payments?index=8", 0, 0).problem(wire.CodeServiceNotFound)
	polls(t, forgetful, "/v1/services/payments?index=9", wait, wait+wait/16).problem(wire.CodeServiceNotFound)
}

func TestALongPollAheadOfTheNode(t *testing.T) {
	const wait = 30 * time.Second
	for _, path := range []string{"/v1/services/payments?", "/v1/services?"} {
		// Beyond all that was ever written it is of another history.
		polls(t, there, path+"index=999", 0, 0).want(200)
		polls(t, there, path+"index=18446744073709551615", 0, 0).want(200)
		// Otherwise, or if nobody can tell, it is waited for.
		behind := func(h *harness) { there(h); h.node.confirmed = 3 }
		polls(t, behind, path+"index=3", wait, wait+wait/16).want(200)
		mute := func(h *harness) { there(h); h.node.mute = fault.ErrNoLeader }
		polls(t, mute, path+"index=999", wait, wait+wait/16).want(200)
		polls(t, mute, path+"index=18446744073709551615", wait, wait+wait/16).want(200)
		catchesUp := func(h *harness) {
			behind(h)
			time.AfterFunc(5*time.Second, func() { h.register("orders", "orders-2") })
			time.AfterFunc(7*time.Second, func() { h.register("payments", "payments-2") })
		}
		polls(t, catchesUp, path+"index=3", 7*time.Second, 7*time.Second).want(200)
	}
}

func TestALongPollKeepsThePromisesOfItsConsistencyToTheEnd(t *testing.T) {
	another := func(h *harness) { h.node.age = 9 * time.Second; h.register("payments", "payments-2") }
	polls(t, after(7*time.Second, another), "/v1/services/payments?index=1&max_stale=2s", 7*time.Second, 7*time.Second).problem(wire.CodeTooStale)
	polls(t, there, "/v1/services/payments?index=1&max_stale=1ms", 0, 0).problem(wire.CodeTooStale)
	polls(t, there, "/v1/services/payments?index=1&min_index=9&wait=2s", 2*time.Second, 2*time.Second).problem(wire.CodeIndexNotReached)
	mute := func(h *harness) { there(h); h.node.mute = fault.ErrNoLeader }
	polls(t, mute, "/v1/services/payments?index=1&consistency=linearizable", 0, 0).problem(wire.CodeNoLeader)
	behind := func(h *harness) { there(h); h.node.behind = true }
	polls(t, behind, "/v1/services/payments?index=1", 0, 0).problem(wire.CodeNotReady)
	polls(t, behind, "/v1/services/payments?index=0&consistency=linearizable", 0, 0).want(200)
	wrong := func(h *harness) {
		h.node.writing.Lock()
		defer h.node.writing.Unlock()
		h.node.unsound = fmt.Errorf("%w: it is being replaced", fault.ErrNotReady)
	}
	for _, path := range []string{"/v1/services/payments?index=1", "/v1/services?index=2", "/v1/services/payments?index=999"} {
		prepare := func(h *harness) { after(7*time.Second, wrong)(h); h.node.confirmed = 999 }
		polls(t, prepare, path, 7*time.Second, 7*time.Second+soundInterval).about(wire.CodeNotReady, "replaced")
	}
}

func TestALongPollEndsWithTheServerAndWithItsCaller(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		answers := make(chan reply, 2)
		go func() { answers <- s.get("/v1/services/payments?index=1") }()
		go func() { answers <- s.get("/v1/services?index=1") }()
		synctest.Wait()
		began := time.Now()
		go func() { _ = s.Shutdown(t.Context()) }()
		for range 2 {
			(<-answers).about(wire.CodeNotReady, "stopping")
		}
		tookNoTime(t, began, "the answer")
	})
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		there(h)
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		began := time.Now()
		h.callWith(ctx, "GET", "/v1/services/payments?index=1")
		if took := time.Since(began); took != time.Second {
			t.Errorf("it waited %s for a caller who had left", took)
		}
	})
}

// Ten minutes are longer than a connection may otherwise be written to.
func TestALongPollOutlivesTheTimesOfAConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		s.get("/v1/services/payments?index=1&wait=10m").want(200)
	})
}
