package http

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/musterhq/muster/internal/fault"
)

// samples reads /metrics as a map from what stands before the value.
func (h *harness) samples() map[string]string {
	h.t.Helper()
	samples := make(map[string]string)
	for line := range strings.Lines(h.call("GET", "/metrics", "").want(200).Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			samples[name] = value
		}
	}
	return samples
}

func TestMetricsTellOfTheState(t *testing.T) {
	h := fleet(t)
	h.node.age = 250 * time.Millisecond
	for name, want := range map[string]string{
		"muster_registry_instances": "6", "muster_registry_services": "1", "muster_applied_index": "8",
		"muster_read_age_seconds": "0.25", "muster_ready": "1", "muster_http_requests_in_flight": "1",
	} {
		if got := h.samples()[name]; got != want {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
	h.node.unready = fault.ErrNoLeader
	if got := h.samples()["muster_ready"]; got != "0" {
		t.Errorf("muster_ready is %s without a leader", got)
	}
}

func TestRequestsAreCountedByRouteAndNotByName(t *testing.T) {
	h := newHarness(t)
	for n := range 50 {
		h.call("GET", fmt.Sprintf("/v1/services/made-up-%d", n), "")
		h.call("GET", fmt.Sprintf("/made/up/%d", n), "")
		h.call(fmt.Sprintf("BREW%d", n), "/healthz", "")
	}
	got := h.samples()
	for labels, want := range map[string]string{
		`{code="404",method="GET",route="discover"}`:    "50",
		`{code="404",method="GET",route="unmatched"}`:   "50",
		`{code="405",method="other",route="unmatched"}`: "50",
	} {
		if value := got["muster_http_requests_total"+labels]; value != want {
			t.Errorf("%s: %q, want %s", labels, value, want)
		}
	}
	for name := range got {
		if strings.Contains(name, "made") || strings.Contains(name, "BREW") {
			t.Errorf("a caller made up a time series: %s", name)
		}
	}
}

func TestTwoServersNeedTwoRegistries(t *testing.T) {
	metrics := prometheus.NewRegistry()
	if _, err := New(Config{Node: newSoloNode(), Metrics: metrics}); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Node: newSoloNode(), Metrics: metrics}); err == nil {
		t.Error("the second server's metrics went missing without a word")
	}
}

func TestAServerNeedsANode(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("a server without a node was made")
	}
}
