package http

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// reads are all calls that show state; each finds something once payments-1 is registered.
var reads = []string{"/v1/services", "/v1/services/payments", payments1}

func TestAReadTellsHowOldItMayBe(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.node.age = 1500*time.Millisecond + 700*time.Microsecond
	for _, path := range reads {
		if got := h.call("GET", path, "").want(200).Header().Get(wire.HeaderAge); got != "1500" {
			t.Errorf("%s has the age %q, want 1500", path, got)
		}
	}
}

func TestAReadMayRefuseAnAge(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.node.age = 2 * time.Second
	for _, path := range reads {
		h.call("GET", path+"?max_stale=2s", "").want(200)
		r := h.call("GET", path+"?max_stale=1999ms", "")
		r.about(wire.CodeTooStale, "2s", "1.999s")
		if got := r.Header().Get(wire.HeaderAge); got != "2000" {
			t.Errorf("the refusal has the age %q", got)
		}
	}
	h.call("GET", payments1+"?max_stale=0s", "").problem(wire.CodeTooStale)
	h.node.age = 0
	h.call("GET", payments1+"?max_stale=0s", "").want(200)
}

func TestANodeThatHasNotCaughtUpShowsNoState(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.node.behind = true
	for _, path := range reads {
		h.call("GET", path, "").problem(wire.CodeNotReady)
		h.call("GET", path+"?min_index=1", "").problem(wire.CodeNotReady)
		h.call("GET", path+"?min_index=99&wait=10m", "").problem(wire.CodeNotReady)
		h.call("GET", path+"?max_stale=1h", "").problem(wire.CodeNotReady)
	}
	for _, path := range []string{"/v1/cluster", "/v1/cluster/self", "/healthz", "/readyz", "/metrics"} {
		h.call("GET", path, "").want(200)
	}
	h.call("PUT", payments1, document).want(200)
}

func TestALinearizableReadNeedsNoPast(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.node.behind, h.node.age = true, time.Hour
	r := h.call("GET", payments1+"?consistency=linearizable&max_stale=1m", "").want(200)
	if got := r.Header().Get(wire.HeaderAge); len(got) > 4 {
		t.Errorf("confirmed this moment, and %s ms old", got)
	}
}

func TestALinearizableReadWaitsForWhatAMajorityConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.register("payments", "payments-1")
		h.node.confirmed = 5
		time.AfterFunc(time.Second, func() { h.node.advance(6) })
		r := h.call("GET", payments1+"?consistency=linearizable", "").want(200)
		if got := r.Header().Get(wire.HeaderIndex); got != "6" {
			t.Errorf("shows index %s", got)
		}
		if got := r.Header().Get(wire.HeaderAge); got != "7" {
			t.Errorf("its age is %s, and the node could vouch for more", got)
		}
	})
}

func TestALinearizableReadFailsInAMinority(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.node.mute = fault.ErrNoLeader
	for _, path := range reads {
		h.call("GET", path+"?consistency=linearizable", "").problem(wire.CodeNoLeader)
		h.call("GET", path, "").want(200)
	}
}

func TestALinearizableReadDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.node.confirmed = 5
		began := time.Now()
		h.call("GET", "/v1/services?consistency=linearizable", "").about(wire.CodeTimeout, "5", "0")
		if took := time.Since(began); took != askTimeout {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAReadWaitsForItsIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		time.AfterFunc(3*time.Second, func() { h.register("payments", "payments-1") })
		began := time.Now()
		r := h.call("GET", payments1+"?min_index=1", "").want(200)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("it took %s, want 3s", took)
		}
		if got := r.Header().Get(wire.HeaderIndex); got != "1" {
			t.Errorf("shows index %s", got)
		}
	})
}

func TestAReadWaitsNoLongerThanItSays(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"min_index=9":                   5 * time.Second,
		"min_index=9&wait=0s":           0,
		"min_index=9&wait=250ms":        250 * time.Millisecond,
		"min_index=9&wait=9m":           9 * time.Minute,
		"min_index=9&wait=24h":          10 * time.Minute,
		"min_index=9&cluster=01CLUSTER": 5 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHarness(t)
			h.register("payments", "payments-1")
			began := time.Now()
			h.call("GET", "/v1/services?"+query, "").about(wire.CodeIndexNotReached, "index 1,", "not yet 9")
			if took := time.Since(began); took != want {
				t.Errorf("%s took %s, want %s", query, took, want)
			}
		})
	}
}

func TestAnIndexOfAnotherClusterIsAConflict(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	for _, path := range reads {
		h.call("GET", path+"?min_index=1&cluster=01CLUSTER", "").want(200)
		h.call("GET", path+"?min_index=1&cluster=01OTHER", "").about(wire.CodeConflict, "01OTHER", "01CLUSTER")
	}
}

func TestANodeWithoutAClusterIsNotReadyRatherThanInConflict(t *testing.T) {
	h := newHarness(t)
	h.node.clusterID, h.node.behind = "", true
	r := h.call("GET", "/v1/services?min_index=1&cluster=01OTHER", "")
	r.problem(wire.CodeNotReady)
	if _, ok := r.Header()[wire.HeaderCluster]; ok {
		t.Error("it names a cluster")
	}
}

func TestACallerWhoLeavesIsWaitedForNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		began := time.Now()
		h.callWith(ctx, "GET", "/v1/services?min_index=9&wait=10m")
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAWriteHasADeadlineOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.node.submit = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		began := time.Now()
		p := h.call("PUT", payments1, document).problem(wire.CodeTimeout)
		if p.Outcome != wire.OutcomeUnknown {
			t.Errorf("outcome %q", p.Outcome)
		}
		if took := time.Since(began); took != writeTimeout {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAWriteThatWaitedForALeaderToTheEndWasNotApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.node.submit = func(ctx context.Context) error {
			<-ctx.Done()
			return errors.Join(fault.ErrNoLeader, ctx.Err())
		}
		if p := h.call("PUT", payments1, document).problem(wire.CodeNoLeader); p.Outcome != wire.NotApplied {
			t.Errorf("outcome %q", p.Outcome)
		}
	})
}

func TestTheNodeKnowsBestWhatBecameOfAWrite(t *testing.T) {
	h := newHarness(t)
	for _, c := range []struct {
		err     error
		code    wire.Code
		outcome wire.Outcome
	}{
		{fault.ErrNoLeader, wire.CodeNoLeader, wire.NotApplied},
		{fault.Unknown(fault.ErrNoLeader), wire.CodeNoLeader, wire.OutcomeUnknown},
		{fault.ErrTimeout, wire.CodeTimeout, wire.NotApplied},
		{fault.ErrOverloaded, wire.CodeOverloaded, wire.NotApplied},
		{fault.ErrDiskFull, wire.CodeDiskFull, wire.NotApplied},
		{errors.New("broken"), wire.CodeInternal, wire.NotApplied},
	} {
		h.node.refuse = c.err
		for _, r := range []reply{
			h.call("PUT", payments1, document),
			h.call("DELETE", payments1, ""),
			h.call("PUT", payments1+"/health", `{"status": "healthy"}`),
			h.call("PUT", payments1+"/maintenance", `{"enabled": true}`),
			h.call("POST", "/v1/batch", batchOf(register2)),
		} {
			if p := r.problem(c.code); p.Outcome != c.outcome {
				t.Errorf("%v: outcome %q, want %q", c.err, p.Outcome, c.outcome)
			}
		}
	}
}
