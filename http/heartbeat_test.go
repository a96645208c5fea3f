package http

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
)

// Heartbeat answers as a leader does that holds the same state.
func (n *soloNode) Heartbeat(_ context.Context, beats []wire.Heartbeat) (wire.Renewal, error) {
	r := wire.Renewal{Missing: []wire.InstanceName{}, Differs: []wire.InstanceName{}}
	for _, beat := range beats {
		name := wire.InstanceName{Service: beat.Service, ID: beat.ID}
		i, err := n.State().Instance(beat.Service, beat.ID)
		switch {
		case err != nil:
			r.Missing = append(r.Missing, name)
			continue
		case beat.Digest != "" && beat.Digest != record.Digest(i):
			r.Differs = append(r.Differs, name)
		}
		r.Renewed++
	}
	return r, n.refuse
}

func TestAHeartbeatIsAnsweredWithoutABody(t *testing.T) {
	h := newHarness(t)
	h.put("payments", "payments-1", `{"address": "10.0.0.7", "port": 80, "lease": {"ttl": "15s"}}`)
	defer h.unchanged()()
	h.call("POST", payments1+"/heartbeat", "").want(204)
}

func TestAHeartbeatForNobodySaysSo(t *testing.T) {
	h := newHarness(t)
	h.call("POST", payments1+"/heartbeat", "").problem(wire.CodeServiceNotFound)
	h.register("payments", "payments-2")
	h.call("POST", payments1+"/heartbeat", "").problem(wire.CodeInstanceNotFound)
}

func TestHeartbeatsOfManyTellWhatIsMissingAndWhatDiffers(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.register("payments", "payments-2")
	digest := h.call("PUT", payments1, `{"address": "10.0.0.7", "port": 80}`).want(200).Header().Get(wire.HeaderDigest)
	body := fmt.Sprintf(`{"instances": [
		{"service": "payments", "id": "payments-1", "digest": %q},
		{"service": "payments", "id": "payments-2", "digest": "of another document"},
		{"service": "payments", "id": "payments-3"}]}`, digest)
	got := decoded[wire.Renewal](h.call("POST", "/v1/heartbeats", body).want(200))
	want := wire.Renewal{
		Renewed: 2,
		Missing: []wire.InstanceName{{Service: "payments", ID: "payments-3"}},
		Differs: []wire.InstanceName{{Service: "payments", ID: "payments-2"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A client that finds null where the contract says a list has to be written for it.
func TestEmptyListsOfARenewalAreLists(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	body := h.call("POST", "/v1/heartbeats", `{"instances": [{"service": "payments", "id": "payments-1"}]}`).want(200).Body.String()
	if want := `{"renewed":1,"missing":[],"differs":[]}` + "\n"; body != want {
		t.Errorf("answered %q, want %q", body, want)
	}
}

func TestHeartbeatsThatMakeNoSenseAreRefused(t *testing.T) {
	h := newHarness(t)
	for body, about := range map[string]string{
		`{}`:                                "instances",
		`{"instances": []}`:                 "instances",
		`{"instances": [{"service": "a"}]}`: "instances[0].id",
		`{"instances": [{"id": "a"}]}`:      "instances[0].service",
		`{"instances": [], "ttl": "15s"}`:   "ttl",
		`{"instances": [{"service": "a", "id": "b", "digest": "` + strings.Repeat("f", 65) + `"}]}`: "instances[0].digest",
	} {
		h.call("POST", "/v1/heartbeats", body).about(wire.CodeInvalidRequest, about)
	}
	many, err := json.Marshal(wire.Heartbeats{Instances: make([]wire.Heartbeat, wire.MaxHeartbeats+1)})
	if err != nil {
		t.Fatal(err)
	}
	h.call("POST", "/v1/heartbeats", string(many)).about(wire.CodeInvalidRequest, "instances")
}

func TestWithoutALeaderAHeartbeatMayBeTriedAgain(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	h.node.refuse = fault.ErrNoLeader
	r := h.call("POST", payments1+"/heartbeat", "")
	r.problem(wire.CodeNoLeader)
	if r.Header().Get("Retry-After") == "" {
		t.Error("there is no Retry-After")
	}
}
