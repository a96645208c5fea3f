package http

import (
	"cmp"
	"context"
	nethttp "net/http"

	"github.com/musterhq/muster/internal/wire"
)

// transfer hands leadership over, to the node in the body or to any. A call without a body is to any, too.
func (a *api) transfer(w *answer, r *nethttp.Request) error {
	if err := cmp.Or(noParams(r), unkeyed(r)); err != nil {
		return err
	}
	var body wire.Transfer
	if r.ContentLength != 0 {
		if err := decode(r, &body); err != nil {
			return err
		}
	}
	w.waits(writeTimeout)
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	leader, err := a.node.Transfer(ctx, body.To)
	if err != nil {
		return undecided(ctx, err)
	}
	return w.json(nethttp.StatusOK, wire.Leadership{Leader: leader})
}

// removeNode takes a node out of the cluster.
func (a *api) removeNode(w *answer, r *nethttp.Request) error {
	p := newParams(r)
	force := p.flag(wire.ParamForce)
	if err := cmp.Or(p.done(), unkeyed(r)); err != nil {
		return err
	}
	name, err := pathName(r, "id")
	if err != nil {
		return err
	}
	w.waits(writeTimeout)
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	removed, err := a.node.Remove(ctx, name, force)
	if err != nil {
		return undecided(ctx, err)
	}
	return w.json(nethttp.StatusOK, removed)
}
