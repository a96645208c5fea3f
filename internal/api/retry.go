package api

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// How a call is made again that no node could answer.
const (
	retryTimeout   = 10 * time.Second // where the context has no deadline
	firstRetry     = 50 * time.Millisecond
	mostRetry      = time.Second
	shortestChance = 250 * time.Millisecond // for one node of several
)

// Retry is [Do], again and again until the context's deadline, or the client's own time-out where it has none, as long as
// another try may help and does no harm. A node that says nothing gets no more than half of the time that is left.
//
// Where no node has what the session has seen, a majority is asked; if that does not know of it either, it is gone, and the
// session begins anew.
func Retry[T any](ctx context.Context, c *Client, call Call[T]) (Answer[T], error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	open := false // an earlier round may have been applied, or may yet be
	for pause := firstRetry; ; pause = min(2*pause, mostRetry) {
		answer, err := Do(ctx, c, call.hurried(ctx))
		if err == nil {
			return answer, nil
		}
		open = open || fault.IsUnknown(err)
		if open && !fault.IsUnknown(err) && !decided(err) {
			err = fault.Unknown(err)
		}
		if !again(call.request, err) {
			return answer, err
		}
		if call.inSession && errors.Is(err, fault.ErrIndexNotReached) {
			call = call.linearizable()
		}
		wait := pause/2 + rand.N(pause)
		if deadline, _ := ctx.Deadline(); time.Until(deadline) <= wait {
			return answer, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return answer, err
		}
	}
}

// hurried is the call with no more than half of the time that is left for one node. The end of a drain is waited for.
func (c Call[T]) hurried(ctx context.Context) Call[T] {
	deadline, _ := ctx.Deadline()
	if !c.query.Has(wire.ParamDrain) {
		c.patience = min(c.patience, max(time.Until(deadline)/2, shortestChance))
	}
	return c
}

// linearizable is the call with the promise that a majority gives.
func (c Call[T]) linearizable() Call[T] {
	c.query = maps.Clone(c.query)
	c.query.Set(wire.ParamConsistency, wire.Linearizable)
	c.patience = askingPatience
	return c
}

// again tells whether a round of all nodes that failed so may be made again.
func again(call request, err error) bool {
	if _, ok := errors.AsType[*UnreachableError](err); ok {
		return true
	}
	return elsewhere(call, err)
}
