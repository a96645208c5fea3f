package http

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// transitionAt is one of payments-1, with a report's cause.
func transitionAt(index uint64, check, output string) *record.Transition {
	return &record.Transition{
		Service: "payments", ID: "payments-1", Index: index, Time: 1_790_000_000_123_456_789,
		From: registry.ConditionHealthy, To: registry.ConditionUnhealthy,
		Cause: &record.Cause{Rule: registry.RuleReported, Term: 7, Check: check, Cause: registry.Cause{Evidence: output}},
	}
}

func TestTheHistoryOfAnInstanceIsShownWithItsCauses(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	expiry := transitionAt(1, "", "no heartbeat for 3s")
	expiry.Cause.Rule, expiry.Cause.SeenBy = registry.RuleLeaseExpired, []string{"n2"}
	h.node.past = []*record.Transition{transitionAt(2, "http", "not shown yet"), transitionAt(1, "http", "refused"), transitionAt(1, "http", ""), expiry}
	const shown = `{"transitions":[` +
		`{"index":1,"time":"2026-09-21T14:13:20.123456789Z","from":"healthy","to":"unhealthy","cause":{"rule":"reported","evidence":"http: refused","seen_by":[],"term":7}},` +
		`{"index":1,"time":"2026-09-21T14:13:20.123456789Z","from":"healthy","to":"unhealthy","cause":{"rule":"reported","evidence":"http","seen_by":[],"term":7}},` +
		`{"index":1,"time":"2026-09-21T14:13:20.123456789Z","from":"healthy","to":"unhealthy","cause":{"rule":"lease_expired","evidence":"no heartbeat for 3s","seen_by":["n2"],"term":7}}]}` + "\n"
	r := h.call("GET", payments1+"/history", "").want(200)
	if diff := cmp.Diff(shown, r.Body.String()); diff != "" {
		t.Errorf("the body (-want +got):\n%s", diff)
	}
	if at := r.Header().Get(wire.HeaderIndex); at != "1" {
		t.Errorf("shown at index %s", at)
	}
}

func TestTheHistoryOutlivesTheInstance(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.call("DELETE", payments1, "").want(200)
	h.node.past = []*record.Transition{transitionAt(1, "", "")}
	if body := decoded[wire.History](h.call("GET", payments1+"/history", "").want(200)); len(body.Transitions) != 1 {
		t.Errorf("%+v", body)
	}
}

func TestAnInstanceOfWhichNothingIsKeptHasAnEmptyHistoryAndOneThatNeverWasHasNone(t *testing.T) {
	h := newHarness(t)
	h.call("GET", payments1+"/history", "").problem(wire.CodeServiceNotFound)
	h.register("payments", "payments-1")
	if body := h.call("GET", payments1+"/history", "").want(200).Body.String(); body != "{\"transitions\":[]}\n" {
		t.Errorf("the body is %s", body)
	}
	h.call("GET", "/v1/services/payments/instances/other/history", "").problem(wire.CodeInstanceNotFound)
}

func TestTheHistoryIsReadWithTheConsistencyThatIsAskedFor(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.call("GET", payments1+"/history?min_index=9&wait=1ms", "").problem(wire.CodeIndexNotReached)
	h.call("GET", payments1+"/history?max_stale=1ms", "").problem(wire.CodeTooStale)
	h.call("GET", payments1+"/history?tag=v2", "").about(wire.CodeInvalidRequest, "tag")
	h.call("GET", payments1+"/history?consistency=linearizable", "").want(200)
}
