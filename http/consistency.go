package http

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	nethttp "net/http"
	"strconv"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// consistency is what a read asks of the state that answers it. The zero value asks for nothing: any state will do that
// the node can vouch for at all.
type consistency struct {
	linearizable bool
	bounded      bool // by maxStale
	maxStale     time.Duration
	minIndex     uint64
	wait         time.Duration // at most, for minIndex
	cluster      string        // to which minIndex belongs; "" is any
}

// consistency takes the parameters of consistency.
func (p *params) consistency() consistency {
	var c consistency
	c.maxStale, c.bounded = p.duration(wire.ParamMaxStale)
	c.cluster, _ = p.text(wire.ParamCluster)

	var waits, indexed bool
	c.minIndex, indexed = p.number(wire.ParamMinIndex)
	if c.wait, waits = p.duration(wire.ParamWait); !waits {
		c.wait = defaultWait
	}
	c.wait = min(c.wait, maxWait)
	if waits && !indexed {
		p.fail(wire.ParamWait, "says how long to wait for %s, which is missing", wire.ParamMinIndex)
	}

	if level, ok := p.text(wire.ParamConsistency); ok {
		c.linearizable = level == wire.Linearizable
		if !c.linearizable {
			p.fail(wire.ParamConsistency, "must be %s or left out, not %q", wire.Linearizable, level)
		}
	}
	return c
}

// view returns the state that a read shows once it is what c asks for, and sets the headers that tell of it.
func (a *api) view(w *answer, r *nethttp.Request, c consistency) (*registry.State, error) {
	if mine := a.node.ClusterID(); c.cluster != "" && mine != "" && c.cluster != mine {
		return nil, fmt.Errorf("%w: the index is of cluster %q, and this node belongs to cluster %q: indexes of two "+
			"clusters can't be compared; forget yours", fault.ErrConflict, c.cluster, mine)
	}
	if err := a.node.Sound(); err != nil {
		return nil, err // at once: another node has what this one may wait for
	}
	if err := a.awaitIndex(w, r, c); err != nil {
		return nil, err
	}
	age, err := a.vouch(w, r, c)
	if err != nil {
		return nil, err
	}
	w.Header().Set(wire.HeaderAge, strconv.FormatInt(age.Milliseconds(), 10))
	if c.bounded && age > c.maxStale {
		return nil, fmt.Errorf("%w: this node can't vouch for the last %s, and %s is asked for; ask another node",
			fault.ErrTooStale, age.Round(time.Millisecond), c.maxStale)
	}
	if err := a.node.Sound(); err != nil {
		return nil, err
	}
	// After the age, so that the state is at least as new as the age says.
	state := a.node.State()
	w.index(state.Index())
	return state, nil
}

// vouch returns for how long the node can't vouch for its state. A read that must be linearizable does not rely on what
// the node knows but has a majority confirm it now, which a node that has just started can do as well.
func (a *api) vouch(w *answer, r *nethttp.Request, c consistency) (time.Duration, error) {
	var asked time.Time
	if c.linearizable {
		asked = time.Now()
		if err := a.confirm(w, r); err != nil {
			return 0, err
		}
	}
	age, ready := a.node.Freshness()
	switch {
	case c.linearizable && ready:
		return min(age, time.Since(asked)), nil
	case c.linearizable:
		return time.Since(asked), nil
	case !ready:
		return 0, errNotCaughtUp
	default:
		return age, nil
	}
}

var errNotCaughtUp = fmt.Errorf("%w: this node has not learned yet what the cluster wrote while it was away; "+
	"ask another node, or again in a moment", fault.ErrNotReady)

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
	ctx, forget := a.drain.context(ctx)
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
