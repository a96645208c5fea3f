package http

import (
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
	c := p.minimum()
	c.maxStale, c.bounded = p.duration(wire.ParamMaxStale)
	if level, ok := p.text(wire.ParamConsistency); ok {
		c.linearizable = level == wire.Linearizable
		if !c.linearizable {
			p.fail(wire.ParamConsistency, "must be %s or left out, not %q", wire.Linearizable, level)
		}
	}
	return c
}

// minimum takes only those parameters of consistency that say what the state must hold at least.
func (p *params) minimum() consistency {
	c := consistency{wait: defaultWait}
	c.cluster, _ = p.text(wire.ParamCluster)
	var indexed bool
	c.minIndex, indexed = p.number(wire.ParamMinIndex)
	if wait, ok := p.duration(wire.ParamWait); ok {
		c.wait = min(wait, maxWait)
		if !indexed {
			p.fail(wire.ParamWait, "says how long to wait for %s, which is missing", wire.ParamMinIndex)
		}
	}
	return c
}

// view returns the state that a read shows once it is what c asks for, and sets the headers that tell of it.
func (a *api) view(w *answer, r *nethttp.Request, c consistency) (*registry.State, error) {
	confirmed, err := a.reach(w, r, c)
	if err != nil {
		return nil, err
	}
	return a.show(w, c, confirmed)
}

// reach waits until this node's state holds what c asks for. It returns when it began to ask a majority what that is, where
// c wants it asked.
func (a *api) reach(w *answer, r *nethttp.Request, c consistency) (confirmed time.Time, err error) {
	if mine := a.node.ClusterID(); c.cluster != "" && mine != "" && c.cluster != mine {
		return confirmed, fmt.Errorf("%w: the index is of cluster %q, and this node belongs to cluster %q: indexes of two "+
			"clusters can't be compared; forget yours", fault.ErrConflict, c.cluster, mine)
	}
	if err := a.node.Sound(); err != nil {
		return confirmed, err // at once: another node has what this one may wait for
	}
	if err := a.awaitIndex(w, r, c); err != nil {
		return confirmed, err
	}
	if c.linearizable {
		confirmed = time.Now()
		err = a.confirm(w, r)
	}
	return confirmed, err
}

// show returns the newest state, which holds what c asks for, unless the node can't vouch for it as c wants.
func (a *api) show(w *answer, c consistency, confirmed time.Time) (*registry.State, error) {
	age, err := a.vouch(c, confirmed)
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
// the node knows but had a majority confirm it, which a node that has just started can do as well.
func (a *api) vouch(c consistency, confirmed time.Time) (time.Duration, error) {
	age, ready := a.node.Freshness()
	switch {
	case c.linearizable && ready:
		return min(age, time.Since(confirmed)), nil
	case c.linearizable:
		return time.Since(confirmed), nil
	case !ready:
		return 0, errNotCaughtUp
	default:
		return age, nil
	}
}

var errNotCaughtUp = fmt.Errorf("%w: this node has not learned yet what the cluster wrote while it was away; "+
	"ask another node, or again in a moment", fault.ErrNotReady)
