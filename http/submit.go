package http

import (
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"strings"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// submit has operations decided by the log and sets the index at which that happened.
func (a *api) submit(w *answer, r *nethttp.Request, ops ...registry.Operation) (fsm.Outcome, error) {
	key, err := idempotencyKey(r)
	if err != nil {
		return fsm.Outcome{}, err
	}
	w.waits(writeTimeout)
	ctx, cancel := context.WithTimeout(r.Context(), writeTimeout)
	defer cancel()
	outcome, err := a.node.Submit(ctx, fsm.Write{Key: key, Operations: ops})
	if outcome.Index > 0 {
		w.index(outcome.Index)
	}
	if err != nil {
		return fsm.Outcome{}, undecided(ctx, err)
	}
	return outcome, nil
}

// idempotencyKey is the key under which a write is remembered, empty where it shall not be.
func idempotencyKey(r *nethttp.Request) (string, error) {
	switch keys := r.Header.Values(wire.HeaderIdempotencyKey); {
	case len(keys) == 0:
		return "", nil
	case len(keys) > 1:
		return "", invalid(wire.HeaderIdempotencyKey, "stands %d times, and may once", len(keys))
	case !validKey(keys[0]):
		return "", invalid(wire.HeaderIdempotencyKey, "must be 1 to %d visible ASCII characters, such as a UUID", wire.MaxIdempotencyKey)
	default:
		return keys[0], nil
	}
}

func validKey(key string) bool {
	visible := func(c rune) bool { return c > ' ' && c <= '~' }
	return key != "" && len(key) <= wire.MaxIdempotencyKey && !strings.ContainsFunc(key, func(c rune) bool { return !visible(c) })
}

// unkeyed is for calls that are not remembered: to take a key and not to keep its promise would be worse than to refuse it.
func unkeyed(r *nethttp.Request) error {
	if len(r.Header.Values(wire.HeaderIdempotencyKey)) > 0 {
		return invalid(wire.HeaderIdempotencyKey, "has no effect on this call, which changes no instance: leave it out")
	}
	return nil
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
