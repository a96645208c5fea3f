package http

import (
	"cmp"
	"context"
	"fmt"
	nethttp "net/http"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// heartbeat renews the lease of the instance that the path names. There is nothing to say in a body, which may be empty.
func (a *api) heartbeat(w *answer, r *nethttp.Request) error {
	if err := plain(r); err != nil {
		return err
	}
	service, id, err := instanceName(r)
	if err != nil {
		return err
	}
	if r.ContentLength != 0 {
		if err := decode(r, &struct{}{}); err != nil {
			return err
		}
	}
	renewal, err := a.renew(w, r, []wire.Heartbeat{{Service: service, ID: id}})
	if err != nil {
		return err
	}
	if len(renewal.Missing) > 0 {
		return notRegistered(a.node.State(), service, id)
	}
	w.WriteHeader(nethttp.StatusNoContent)
	return nil
}

// heartbeats renews the leases of many instances.
func (a *api) heartbeats(w *answer, r *nethttp.Request) error {
	if err := plain(r); err != nil {
		return err
	}
	var body wire.Heartbeats
	if err := decode(r, &body); err != nil {
		return err
	}
	if n := len(body.Instances); n == 0 || n > wire.MaxHeartbeats {
		return invalid("instances", "must be 1 to %d, not %d", wire.MaxHeartbeats, n)
	}
	for n, beat := range body.Instances {
		if err := validHeartbeat(n, beat); err != nil {
			return err
		}
	}
	renewal, err := a.renew(w, r, body.Instances)
	if err != nil {
		return err
	}
	return w.json(nethttp.StatusOK, renewal)
}

func validHeartbeat(position int, beat wire.Heartbeat) error {
	field := func(name string) string { return fmt.Sprintf("instances[%d].%s", position, name) }
	switch {
	case !registry.ValidName(beat.Service):
		return invalid(field("service"), "%q is no name", beat.Service)
	case !registry.ValidName(beat.ID):
		return invalid(field("id"), "%q is no name", beat.ID)
	case len(beat.Digest) > wire.MaxDigest:
		return invalid(field("digest"), "has %d characters and may have %d; it is what %s carried", len(beat.Digest), wire.MaxDigest, wire.HeaderDigest)
	}
	return nil
}

// plain refuses what changes nothing of a heartbeat.
func plain(r *nethttp.Request) error {
	return cmp.Or(noParams(r), unconditional(r, ifMatch, ifNoneMatch), unkeyed(r))
}

// renew passes heartbeats on.
func (a *api) renew(w *answer, r *nethttp.Request, beats []wire.Heartbeat) (wire.Renewal, error) {
	w.waits(askTimeout)
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	return a.node.Heartbeat(ctx, beats)
}

// notRegistered says what is missing. The leader knows that the instance is; this node may be behind.
func notRegistered(state *registry.State, service, id string) error {
	if _, err := state.Instance(service, id); err != nil {
		return err
	}
	return fmt.Errorf("%w: %q of service %q", registry.ErrInstanceNotFound, id, service)
}
