package api

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Register registers an instance or replaces it. Without an id it gets the default one, which the answer tells. What
// the registry owns of an instance is not sent.
func Register(i registry.Instance) Call[registry.Instance] {
	if i.ID == "" {
		return fitting(write(http.MethodPost, wire.PathInstances(i.Service), documentOf(i)), instanceOf(i.Service, ""))
	}
	return fitting(write(http.MethodPut, wire.PathInstance(i.Service, i.ID), documentOf(i)), instanceOf(i.Service, i.ID))
}

// Deregister removes an instance. With a drain the node answers when all who watch the service and want to be waited for
// have confirmed that, or at the end of this time; 0 does without.
func Deregister(service, id string, drain time.Duration) Call[wire.Deregistered] {
	call := write(http.MethodDelete, wire.PathInstance(service, id), nil)
	if drain != 0 {
		call.query = url.Values{wire.ParamDrain: {drain.String()}}
		call.patience += drain
	}
	return fitting(call, func(d wire.Deregistered) bool { return d.Index > 0 })
}

// ReportHealth says how an instance is, or one of its checks.
func ReportHealth(service, id string, report wire.HealthReport) Call[registry.Instance] {
	return fitting(write(http.MethodPut, wire.PathHealth(service, id), report), instanceOf(service, id))
}

// SetMaintenance takes an instance out of discovery or brings it back.
func SetMaintenance(service, id string, m registry.Maintenance) Call[registry.Instance] {
	body := wire.Maintenance{Enabled: &m.Enabled, Reason: m.Reason}
	return fitting(write(http.MethodPut, wire.PathMaintenance(service, id), body), instanceOf(service, id))
}

// write is a write that the log decides, and that nodes remember by its key: it is applied once, on however many of them it
// is tried.
func write(method, path string, body any) request {
	w := command(method, path, body)
	w.key = rand.Text()
	return w
}

// command changes something that the log does not decide by itself.
func command(method, path string, body any) request {
	return request{method: method, path: path, body: body, patience: writePatience}
}
