package http

import (
	"context"
	nethttp "net/http"

	"github.com/musterhq/muster/internal/wire"
)

// cluster shows all members as this node sees them.
func (a *api) cluster(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	w.waits(askTimeout)
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	cluster, err := a.node.Cluster(ctx)
	if err != nil {
		return err
	}
	if cluster.Nodes == nil {
		cluster.Nodes = []wire.Node{}
	}
	return w.json(nethttp.StatusOK, cluster)
}

// self shows this node as it sees itself, also while it can answer nothing else.
func (a *api) self(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	return w.json(nethttp.StatusOK, a.node.Self())
}
