package audit

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
)

const (
	// fetchTimeout bounds one try to fetch the state of another node and to have the log come up to it.
	fetchTimeout = 2 * time.Minute

	// fetchPause is between two tries with the same nodes.
	fetchPause = time.Second

	// handOverPatience is how long a leader waits for its successor. Where nobody takes the leadership it rebuilds as the
	// leader: that takes no promise back, and in the meantime it takes no writes.
	handOverPatience = 10 * time.Second
	handOverLook     = 20 * time.Millisecond
)

// errWrong is why a node does not answer reads while it rebuilds.
var errWrong = fmt.Errorf("%w: this node found that its state differs from that of a majority, and is fetching theirs; "+
	"ask another node, or again in a moment", fault.ErrNotReady)

// rebuild takes this node's state out of use and puts that of the majority in its place.
func (a *Auditor) rebuild(ctx context.Context, v verdict) {
	began := time.Now()
	a.rebuilds.Add(1)
	a.machine.Distrust(errWrong)
	a.log.Error("this node's state is wrong, a majority of the voters holds another: it stops answering reads and fetches theirs; "+
		"look for faults of its memory or disk", "index", v.index, "state_hash", v.mine, "others", v.others())
	a.awaitSuccessor(ctx)
	for ctx.Err() == nil {
		from, err := a.fetchFrom(ctx, v.right())
		if err == nil {
			a.log.Info("this node's state is right again", "from", from, "index", a.machine.Applied(), "took", time.Since(began).Round(time.Millisecond))
			a.replaceSnapshot(ctx)
			return
		}
		a.log.Warn("the state of the majority could not be fetched, and is asked for again", "error", err)
		select {
		case <-time.After(fetchPause):
		case <-ctx.Done():
		}
	}
}

// awaitSuccessor waits for a leader to have handed over, which package node does as long as the state is in doubt.
func (a *Auditor) awaitSuccessor(ctx context.Context) {
	look := time.NewTicker(handOverLook)
	defer look.Stop()
	patience := time.After(handOverPatience)
	for a.cluster.Leads() {
		select {
		case <-look.C:
		case <-patience:
			return
		case <-ctx.Done():
			return
		}
	}
}

// fetchFrom tries the nodes one by one, and returns the one whose state is now this node's.
func (a *Auditor) fetchFrom(ctx context.Context, nodes []string) (from string, err error) {
	var errs []error
	for _, id := range nodes {
		err := a.fetch(ctx, id)
		if err == nil {
			return id, nil
		}
		if errors.Is(err, fsm.ErrNoDoubt) {
			return "a snapshot of the leader's", nil
		}
		errs = append(errs, fmt.Errorf("node %s: %w", id, err))
	}
	return "", errors.Join(errs...)
}

// fetch replaces the state by that of a node, and returns when that is done.
func (a *Auditor) fetch(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	floor, err := a.machine.Floor()
	if err != nil {
		return err
	}
	from, err := a.cluster.Stream(ctx, id, CallState, binary.BigEndian.AppendUint64(nil, floor))
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	done, err := a.machine.Replace(from)
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("this node's log does not get as far as the state that was fetched: %w", ctx.Err())
	}
}

// replaceSnapshot has Raft take a snapshot now: the newest one may be of the wrong state, and would be given to others.
func (a *Auditor) replaceSnapshot(ctx context.Context) {
	if err := a.cluster.TakeSnapshot(ctx); err != nil {
		a.log.Warn("no snapshot could be taken of the state that was put right; an earlier one of the wrong state may be left until the next", "error", err)
	}
}
