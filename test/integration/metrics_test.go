package integration

import (
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/testcluster"
)

// What Raft itself measures must be there too: its library writes to a sink of its own, which is easily the wrong one.
func TestMetricsShowTheRegistryAndRaft(t *testing.T) {
	c := testcluster.StartProcesses(t, 1)
	register(t, c.Nodes[0].HTTP, "payments", "p1")
	metrics := string(get(t, c.Nodes[0].HTTP+"/metrics").Body)
	for _, want := range []string{"muster_registry_instances 1", "muster_raft_apply", "muster_raft_fsm_applyBatch", "muster_http_"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%s is not among the metrics:\n%s", want, metrics)
		}
	}
}
