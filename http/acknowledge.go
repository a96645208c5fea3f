package http

import (
	"errors"
	nethttp "net/http"

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

// endWatch notes that the owner of an acknowledging watch acts on nothing any more that it was told, so that nobody waits for
// it. Its stream is its own to close.
func (a *api) endWatch(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	err := a.node.Roster().End(mux.Vars(r)["id"])
	if errors.Is(err, roster.ErrUnknown) {
		return wire.NewProblem(wire.CodeNotFound, err.Error())
	}
	if err != nil {
		return err
	}
	w.WriteHeader(nethttp.StatusNoContent)
	return nil
}
