package http

import (
	"context"
	"errors"
	"fmt"
	nethttp "net/http"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// submit has operations decided by the log and sets the index at which they committed.
func (a *api) submit(w *answer, r *nethttp.Request, ops ...registry.Operation) (fsm.Outcome, error) {
	if r.Header.Get("Idempotency-Key") != "" {
		return fsm.Outcome{}, invalid("Idempotency-Key", "is not supported by this version, which could not keep its promise: leave it out, and after an unknown outcome look before you write again")
	}
	w.waits(writeTimeout)
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	outcome, err := a.node.Submit(ctx, ops...)
	if err != nil {
		return fsm.Outcome{}, undecided(ctx, err)
	}
	w.index(outcome.Index)
	return outcome, nil
}

// undecided marks the bare error of a context that ended: the write may still be on its way. Where the node speaks of
// the end in words of its own, it knows better.
func undecided(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended == nil || !errors.Is(err, ended) {
		return err
	}
	if errors.Is(err, fault.ErrTimeout) || errors.Is(err, fault.ErrNoLeader) || fault.IsUnknown(err) {
		return err
	}
	return fault.Unknown(fmt.Errorf("%w: no decision after %s: %w", fault.ErrTimeout, writeTimeout, err))
}
