package http

import (
	"errors"
	"testing"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

func TestTheClusterIsShown(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	got := decoded[wire.Cluster](h.call("GET", "/v1/cluster", "").want(200))
	if got.ID != "01CLUSTER" || got.Leader != "n1" || got.CommitIndex != 1 || got.Nodes == nil {
		t.Errorf("shown as %+v", got)
	}
	self := decoded[wire.Self](h.call("GET", "/v1/cluster/self", "").want(200))
	if self.ID != "n1" || self.ClusterID != "01CLUSTER" || self.AppliedIndex != 1 {
		t.Errorf("the node shows itself as %+v", self)
	}
}

func TestAClusterThatCantBeDescribedIsAProblem(t *testing.T) {
	h := newHarness(t)
	h.node.mute = fault.ErrTimeout
	h.call("GET", "/v1/cluster", "").problem(wire.CodeTimeout)
	h.call("GET", "/v1/cluster/self", "").want(200)
}

func TestReadinessSaysWhatIsMissing(t *testing.T) {
	h := newHarness(t)
	h.call("GET", "/readyz", "").want(200)
	h.node.unready = fault.ErrNoLeader
	h.call("GET", "/readyz", "").problem(wire.CodeNoLeader)
	h.node.unready = errors.New("replaying the log: 40 of 100 entries")
	h.call("GET", "/readyz", "").about(wire.CodeNotReady, "40 of 100")
	h.call("GET", "/healthz", "").want(200)
}
