package http

import (
	"testing"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

func TestAReportDecidesWhetherAnInstanceIsDiscovered(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	r := h.call("PUT", payments1+"/health", `{"status": "unhealthy", "output": "out of memory"}`).want(200)
	if i := decoded[registry.Instance](r); i.Status != registry.Unhealthy || i.Reported.Output != "out of memory" {
		t.Errorf("stands as %q, %q", i.Status, i.Reported.Output)
	}
	found := decoded[wire.Discovered](h.call("GET", "/v1/services/payments", "").want(200))
	if len(found.Instances) != 0 || found.Index != 2 {
		t.Errorf("%d are discovered at index %d", len(found.Instances), found.Index)
	}
}

func TestAReportForACheckChangesThatCheck(t *testing.T) {
	h := newHarness(t)
	h.put("payments", "payments-1", `{"address": "10.0.0.7", "port": 80, "checks": [{"type": "http"}, {"type": "tcp"}]}`)
	r := h.call("PUT", payments1+"/health", `{"check": "tcp", "status": "healthy"}`).want(200)
	i := decoded[registry.Instance](r)
	if i.Checks[0].Status != registry.Unknown || i.Checks[1].Status != registry.Healthy {
		t.Errorf("the checks are %q and %q", i.Checks[0].Status, i.Checks[1].Status)
	}
}

func TestAReportForACheckThatIsNotThereIsNotFound(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	defer h.unchanged()()
	h.call("PUT", payments1+"/health", `{"check": "http", "status": "healthy"}`).about(wire.CodeNotFound, "http")
	h.call("PUT", "/v1/services/payments/instances/other/health", `{"status": "healthy"}`).problem(wire.CodeInstanceNotFound)
}

func TestAReportMustSayAStatus(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	defer h.unchanged()()
	for _, body := range []string{`{}`, `{"status": "passing"}`, `{"status": "warning"}`, `{"status": null}`} {
		h.call("PUT", payments1+"/health", body).about(wire.CodeInvalidRequest, "status")
	}
}

func TestMaintenanceTakesAnInstanceOutAndOutlivesARegistration(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	r := h.call("PUT", payments1+"/maintenance", `{"enabled": true, "reason": "deploy"}`).want(200)
	if i := decoded[registry.Instance](r); !i.Maintenance.Enabled || i.Maintenance.Reason != "deploy" {
		t.Errorf("stands as %+v", i.Maintenance)
	}
	if i := h.put("payments", "payments-1", `{"address": "10.0.0.8", "port": 80}`); !i.Maintenance.Enabled {
		t.Error("a registration ended the maintenance")
	}
	h.call("PUT", payments1+"/maintenance", `{"enabled": false}`).want(200)
	if found := decoded[wire.Discovered](h.call("GET", "/v1/services/payments", "")); len(found.Instances) != 1 {
		t.Errorf("%d are discovered afterwards", len(found.Instances))
	}
}

func TestMaintenanceMustBeSaid(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	defer h.unchanged()()
	h.call("PUT", payments1+"/maintenance", `{"reason": "deploy"}`).about(wire.CodeInvalidRequest, "enabled")
}
