package http

import (
	nethttp "net/http"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// reportHealth takes in what somebody says of an instance or of one of its checks.
func (a *api) reportHealth(w *answer, r *nethttp.Request) error {
	var body wire.HealthReport
	service, id, err := change(r, &body)
	if err != nil {
		return err
	}
	return a.apply(w, r, healthReport(service, id, body))
}

// healthReport is the operation that a report asks for.
func healthReport(service, id string, body wire.HealthReport) registry.ReportHealth {
	report := registry.Report{Status: body.Status, Output: body.Output}
	return registry.ReportHealth{Service: service, ID: id, Check: body.Check, Report: report.Normalize()}
}

// setMaintenance takes an instance out of discovery, or lets it back in.
func (a *api) setMaintenance(w *answer, r *nethttp.Request) error {
	var body wire.Maintenance
	service, id, err := change(r, &body)
	if err != nil {
		return err
	}
	if body.Enabled == nil {
		return invalid("enabled", "is missing: true takes the instance out of discovery, false lets it back in")
	}
	return a.apply(w, r, registry.SetMaintenance{
		Service: service, ID: id,
		Maintenance: registry.Maintenance{Enabled: *body.Enabled, Reason: body.Reason},
	})
}

// change reads a call that changes something of the instance that the path names.
func change(r *nethttp.Request, body any) (service, id string, err error) {
	if service, id, err = instanceName(r); err != nil {
		return "", "", err
	}
	if err := noParams(r); err != nil {
		return "", "", err
	}
	if err := unconditional(r, ifMatch, ifNoneMatch); err != nil {
		return "", "", err
	}
	return service, id, decode(r, body)
}

// apply has one operation decided and answers with the instance as it stands then.
func (a *api) apply(w *answer, r *nethttp.Request, op registry.Operation) error {
	if err := op.Validate(); err != nil {
		return err
	}
	outcome, err := a.submit(w, r, op)
	if err != nil {
		return err
	}
	return w.json(nethttp.StatusOK, outcome.Results[0].Instance)
}
