package http

import (
	"errors"
	nethttp "net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/musterhq/muster/internal/roster"
	"github.com/musterhq/muster/internal/wire"
)

// acknowledge notes what the owner of an acknowledging watch has applied.
func (a *api) acknowledge(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	var body wire.Acknowledgement
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.Index == nil {
		return invalid("index", "is missing: say up to which index everything has been applied")
	}
	err := a.node.Roster().Confirm(mux.Vars(r)["id"], *body.Index)
	if errors.Is(err, roster.ErrUnknown) {
		return wire.NewProblem(wire.CodeNotFound, err.Error()+"; resume the watch, on any node, and confirm under its new id")
	}
	if err != nil {
		return err
	}
	w.WriteHeader(nethttp.StatusNoContent)
	return nil
}

// drain takes the parameter that says how long a deregistration waits to be confirmed; 0 is not at all.
func (p *params) drain() time.Duration {
	atMost, ok := p.duration(wire.ParamDrain)
	if ok && (atMost == 0 || atMost > wire.MaxDrain) {
		p.fail(wire.ParamDrain, "must be more than 0s and at most %s, not %s", wire.MaxDrain, atMost)
	}
	return atMost
}

// awaitDrain waits until everybody who watches the service has confirmed an index. The caller who goes away ends that, and
// so does the server that stops: by then the write is done, and what is known is the answer.
func (a *api) awaitDrain(w *answer, r *nethttp.Request, service string, index uint64, atMost time.Duration) *wire.Drained {
	w.waits(atMost)
	ctx, cancel := a.drain.context(r.Context())
	defer cancel()
	drained := a.node.Drain(ctx, service, index, atMost)
	return &drained
}
