package http

import (
	"fmt"
	nethttp "net/http"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// probed is the answer to a probe that went well.
type probed struct {
	Status string `json:"status"`
}

// healthz tells that the process serves, and nothing more: whoever restarts a node on this answer must not do so for
// the want of a leader.
func (a *api) healthz(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	return w.json(nethttp.StatusOK, probed{"ok"})
}

// readyz tells whether the node should be sent requests.
func (a *api) readyz(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	if err := a.ready(); err != nil {
		return err
	}
	return w.json(nethttp.StatusOK, probed{"ready"})
}

func (a *api) ready() error {
	if a.closing.begun() {
		return errClosing
	}
	err := a.node.Ready()
	if err == nil || wire.CodeOf(err).Status() == nethttp.StatusServiceUnavailable {
		return err
	}
	return fmt.Errorf("%w: %w", fault.ErrNotReady, err)
}

// showMetrics is for Prometheus.
func (a *api) showMetrics(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	a.scrape.ServeHTTP(w, r)
	return nil
}
