package http

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

func TestLeadershipIsHandedOverToWhomItIsAskedFor(t *testing.T) {
	h := newHarness(t)
	for _, body := range []string{`{"to": "n2"}`, `{}`, ``} {
		if got := decoded[wire.Leadership](h.call("POST", "/v1/cluster/leadership", body).want(200)); got.Leader != "n1" {
			t.Errorf("%s: %+v", body, got)
		}
	}
	if diff := cmp.Diff([]string{"transfer to n2", "transfer to ", "transfer to "}, h.node.asked); diff != "" {
		t.Error(diff)
	}
}

func TestANodeIsRemoved(t *testing.T) {
	h := newHarness(t)
	for _, query := range []string{"", "?force=true", "?force=false"} {
		got := decoded[wire.RemovedNode](h.call("DELETE", "/v1/cluster/nodes/n2"+query, "").want(200))
		if got.ID != "n2" || got.RaftID != "R-n2" {
			t.Errorf("%s: %+v", query, got)
		}
	}
	if diff := cmp.Diff([]string{"remove n2, force false", "remove n2, force true", "remove n2, force false"}, h.node.asked); diff != "" {
		t.Error(diff)
	}
	h.call("DELETE", "/v1/cluster/nodes/n2?force=perhaps", "").about(wire.CodeInvalidRequest, "force")
	h.call("DELETE", "/v1/cluster/nodes/..", "").problem(wire.CodeInvalidRequest)
}

func TestWhatTheMembershipRefusesIsAProblem(t *testing.T) {
	for code, err := range map[wire.Code]error{
		wire.CodeConflict: fault.ErrConflict, wire.CodeNodeNotFound: fault.ErrNodeNotFound, wire.CodeNoLeader: fault.ErrNoLeader,
	} {
		h := newHarness(t)
		h.node.mute = fmt.Errorf("%w: n3 is away", err)
		for _, r := range []reply{h.call("DELETE", "/v1/cluster/nodes/n2", ""), h.call("POST", "/v1/cluster/leadership", "{}")} {
			r.about(code, "n3 is away")
			if p := r.problem(code); p.Outcome != wire.NotApplied {
				t.Errorf("%s: outcome %q", code, p.Outcome)
			}
		}
	}
}
