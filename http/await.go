package http

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// awaitIndex waits until the node has applied the index that c asks for.
func (a *api) awaitIndex(w *answer, r *nethttp.Request, c consistency) error {
	if a.node.State().Index() >= c.minIndex {
		return nil
	}
	if _, ready := a.node.Freshness(); !ready && !c.linearizable {
		return errNotCaughtUp // at once: another node will have it sooner
	}
	w.waits(c.wait)
	notReached := func() error {
		return fmt.Errorf("%w: this node has applied index %d, not yet %d, after %s",
			fault.ErrIndexNotReached, a.node.State().Index(), c.minIndex, c.wait)
	}
	return a.await(r.Context(), c.minIndex, c.wait, notReached)
}

// confirm waits until the node has applied every write that was acknowledged before.
func (a *api) confirm(w *answer, r *nethttp.Request) error {
	w.waits(askTimeout)
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	index, err := a.node.ReadIndex(ctx)
	if err != nil {
		return err
	}
	notReached := func() error {
		return fmt.Errorf("%w: a majority confirmed index %d, and this node has applied only %d after %s",
			fault.ErrTimeout, index, a.node.State().Index(), askTimeout)
	}
	return a.await(ctx, index, askTimeout, notReached)
}

// await waits until the node has applied an index, for a time at most: late then says what to answer. It also gives up
// when the server stops.
func (a *api) await(ctx context.Context, index uint64, atMost time.Duration, late func() error) error {
	if a.node.State().Index() >= index {
		return nil
	}
	ctx, forget := a.closing.context(ctx)
	defer forget()
	limited, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	switch err := a.node.Await(limited, index); {
	case err == nil:
		return nil
	case errors.Is(limited.Err(), context.DeadlineExceeded):
		return late()
	default:
		return cmp.Or(context.Cause(ctx), err) // the server stops, the caller went away, or the node can't tell any more
	}
}

// awaitSoundly waits as wait does, but not for a state that turns out wrong meanwhile: nothing else tells of that, so it
// looks from time to time.
func (a *api) awaitSoundly(ctx context.Context, wait func(ctx context.Context) error) error {
	for {
		spell, cancel := context.WithTimeout(ctx, soundInterval)
		err := wait(spell)
		over := spell.Err() != nil
		cancel()
		if err == nil || !over || ctx.Err() != nil {
			return err
		}
		if err := a.node.Sound(); err != nil {
			return err
		}
	}
}
