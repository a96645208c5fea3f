package fsm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// The names of the calls with which a node passes a write, or a step of a restore, on to the leader.
const (
	CallWrite   = "write"
	CallRestore = "restore"
)

const (
	// electionPatience is how long a write waits for a leader before it fails.
	electionPatience = 7 * time.Second

	// retryPause is how long to wait for a leader that is known and does not answer to give way to another.
	retryPause = 20 * time.Millisecond

	// lateAnswer is how long the answer of a leader is waited for after another has taken its place. One that hands over in
	// good order answers before.
	lateAnswer = 250 * time.Millisecond
)

// Cluster is what a [Writer] needs of this node's membership. [cluster.Member] is one.
type Cluster interface {
	Log

	// RaftID names this node, Leader the node that leads, empty if none is known; changed is closed when that changes.
	RaftID() string
	Leader() (raftID string, changed <-chan struct{})

	// Call asks another node. After an error other than [cluster.ErrNotLeader] and [cluster.ErrUnreachable] it may have
	// done what it was asked.
	Call(ctx context.Context, raftID, name string, request []byte) ([]byte, error)

	// Electorate says how the election stands, for people.
	Electorate() string
}

// Writer brings writes to the log from any node: straight on the leader, by one hop elsewhere. Its methods may be called
// from many goroutines at once.
type Writer struct {
	cluster  Cluster
	gatherer *gatherer
}

// NewWriter returns a writer, of which Run does the leader's part.
func NewWriter(c Cluster) *Writer {
	return &Writer{cluster: c, gatherer: newGatherer(c, c.RaftID())}
}

// Run makes entries of what comes to this node while it leads, until ctx ends.
func (w *Writer) Run(ctx context.Context) { w.gatherer.run(ctx) }

// Submit has the operations of a write applied, all or none, and returns what became of them once a majority has them on
// disk. Without a leader it waits for one, for 7 s at most.
//
// The errors are those of package registry, where the state refuses the write, and of package fault; where
// [fault.IsUnknown] holds, the write may have been applied. With an error of the state comes the index at which it was
// refused.
func (w *Writer) Submit(ctx context.Context, what Write) (Outcome, error) {
	for i, op := range what.Operations {
		if err := op.Validate(); err != nil {
			if len(what.Operations) > 1 {
				err = &registry.OperationError{Position: i, Err: err}
			}
			return Outcome{}, err
		}
	}
	r := w.propose(ctx, proposeWrite(what, encodeWrite(what)))
	if r.err == nil && len(r.outcome.Results) != len(what.Operations) {
		r.err = fault.Unknown(fmt.Errorf("the leader answered %d results to %d operations", len(r.outcome.Results), len(what.Operations)))
	}
	return r.outcome, r.err
}

// Decide has a write applied that is a decision of this node as the leader of the write's term. It is never passed on: the
// error is [cluster.ErrNotLeader] where this node does not lead, and otherwise as in Submit.
func (w *Writer) Decide(ctx context.Context, what Write) (Outcome, error) {
	r := w.gatherer.submit(ctx, proposeWrite(what, encodeWrite(what)))
	return r.outcome, r.err
}

// propose puts a proposal to whoever leads, and waits for a leader where there is none. One with a key is put to the next
// leader also where nobody knows what became of it with the last.
func (w *Writer) propose(ctx context.Context, p proposal) reply {
	patience := time.After(electionPatience)
	open := false // an earlier try may have been applied
	for {
		leader, changed := w.cluster.Leader()
		r := w.try(ctx, leader, p)
		undone := errors.Is(r.err, cluster.ErrNotLeader) || errors.Is(r.err, cluster.ErrUnreachable)
		open = open || fault.IsUnknown(r.err)
		if !undone && !(p.keyed && fault.IsUnknown(r.err) && ctx.Err() == nil) {
			return afterTries(r, open)
		}
		pause := time.NewTimer(retryPause)
		select {
		case <-changed:
		case <-pause.C:
		case <-patience:
			return givenUp(fmt.Errorf("%w: %s", fault.ErrNoLeader, w.cluster.Electorate()), open)
		case <-ctx.Done():
			return givenUp(fmt.Errorf("%w: %s", fault.ErrTimeout, w.cluster.Electorate()), open)
		}
		pause.Stop()
	}
}

// afterTries is the reply to the last of several tries. One that failed before the log decided it says nothing of an earlier
// one that was left open.
func afterTries(r reply, open bool) reply {
	decided := r.err == nil || r.outcome.Index > 0 || errors.Is(r.err, fault.ErrConflict) // of the key
	if decided {
		return r
	}
	return givenUp(r.err, open)
}

func givenUp(err error, open bool) reply {
	if open {
		err = fault.Unknown(err)
	}
	return reply{err: err}
}

// try puts the proposal to the node that is said to lead. An [cluster.ErrNotLeader] or [cluster.ErrUnreachable] in the
// reply says that nothing was done.
func (w *Writer) try(ctx context.Context, leader string, p proposal) reply {
	switch leader {
	case "":
		return reply{err: cluster.ErrNotLeader}
	case w.cluster.RaftID():
		return w.gatherer.submit(ctx, p)
	}
	answer, err := w.callWhileItLeads(ctx, leader, p)
	switch {
	case errors.Is(err, cluster.ErrNotLeader), errors.Is(err, cluster.ErrUnreachable):
		return reply{err: err}
	case ctx.Err() != nil:
		return reply{err: fault.Unknown(fmt.Errorf("%w while the leader had the write", fault.ErrTimeout))}
	case err != nil:
		return reply{err: fault.Unknown(fmt.Errorf("%w any more, it was lost while it had the write: %w", fault.ErrNoLeader, err))}
	}
	r, err := decodeReply(answer)
	if err != nil {
		return reply{err: fault.Unknown(fmt.Errorf("the leader's answer can't be read: %w", err))}
	}
	return r
}

// callWhileItLeads passes the proposal on. A leader that was frozen or cut off may never answer, and its connection may take
// seconds to break: once another node leads, it has a moment left to do so.
func (w *Writer) callWhileItLeads(ctx context.Context, leader string, p proposal) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watching sync.WaitGroup
	watching.Go(func() {
		for current, changed := w.cluster.Leader(); current == leader || current == ""; current, changed = w.cluster.Leader() {
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-time.After(lateAnswer):
			cancel()
		case <-ctx.Done():
		}
	})
	defer watching.Wait()
	defer cancel()
	return w.cluster.Call(ctx, leader, p.call(), p.encoded)
}

// AnswerWrite is the leader's side of [CallWrite]. It never passes a write on a second time.
func (w *Writer) AnswerWrite(ctx context.Context, encoded []byte) ([]byte, error) {
	what, err := decodeWrite(encoded)
	if err != nil {
		return nil, err
	}
	return w.answer(ctx, proposeWrite(what, encoded))
}

// AnswerRestore is the leader's side of [CallRestore]. It never passes a step on a second time.
func (w *Writer) AnswerRestore(ctx context.Context, encoded []byte) ([]byte, error) {
	if _, err := decodeStep(encoded); err != nil {
		return nil, err
	}
	return w.answer(ctx, proposeStep(encoded))
}

func (w *Writer) answer(ctx context.Context, p proposal) ([]byte, error) {
	if leader, _ := w.cluster.Leader(); leader != w.cluster.RaftID() {
		return nil, cluster.ErrNotLeader
	}
	r := w.gatherer.submit(ctx, p)
	if errors.Is(r.err, cluster.ErrNotLeader) {
		return nil, cluster.ErrNotLeader
	}
	return encodeReply(r)
}
