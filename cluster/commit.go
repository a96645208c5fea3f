package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/fault"
)

const (
	// enqueueTimeout is how long an entry may wait for Raft to take it, when the disk holds Raft up.
	enqueueTimeout = 2 * time.Second

	// enqueueAttempt is for how long Raft is asked at a time. In between the entry can still be called back.
	enqueueAttempt = 50 * time.Millisecond

	// lastWordTimeout is how long to wait for an answer that Raft has given already.
	lastWordTimeout = 5 * time.Millisecond
)

// Commit appends an entry to the log and returns what the state machine answered, once a majority has the entry on disk
// and this node has applied it. Only the leader can; elsewhere the error is [ErrNotLeader].
//
// An error for which [fault.IsUnknown] holds leaves open whether the entry is or will be committed. After any other the
// entry is not in the log.
func (m *Member) Commit(ctx context.Context, entry []byte) (any, error) {
	if !m.gate.enter() {
		return nil, ErrNotLeader // in a moment, another one does
	}
	defer m.gate.leave()
	began := time.Now()
	for {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%w before the write was put to Raft", fault.ErrTimeout)
		}
		future := m.raft.Apply(entry, enqueueAttempt)
		err := m.settled(ctx, future)
		switch {
		case err == nil:
			return future.Response(), nil
		case errors.Is(err, raft.ErrEnqueueTimeout) && m.gate.closing():
			return nil, ErrNotLeader // so that the hand-over need not wait for an entry that Raft has not even got
		case errors.Is(err, raft.ErrEnqueueTimeout) && time.Since(began) < enqueueTimeout:
			continue
		case errors.Is(err, ctx.Err()):
			return nil, fault.Unknown(fmt.Errorf("%w while a majority was asked to store the write", fault.ErrTimeout))
		default:
			return nil, commitError(err)
		}
	}
}

// settled waits for Raft's answer, for as long as ctx lasts. Raft itself would leave some questions unanswered when it is
// shut down: entries that it has handed to the goroutine of the state machine, which ends before it takes them.
func (m *Member) settled(ctx context.Context, future raft.Future) error {
	answer := make(chan error, 1)
	go func() { answer <- future.Error() }() // where Raft never answers, this stays until the process ends
	var gaveUp error
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		gaveUp = ctx.Err()
	case <-m.raftEnded:
		gaveUp = raft.ErrRaftShutdown
	}
	// What Raft has refused must not pass for unknown because the goroutine above has not run yet.
	select {
	case err := <-answer:
		return err
	case <-time.After(lastWordTimeout):
		return gaveUp
	}
}

// commitError sorts Raft's errors: what happened before the entry was in the log, and what after.
func commitError(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return ErrNotLeader
	case errors.Is(err, raft.ErrEnqueueTimeout):
		return fmt.Errorf("%w: the leader's disk or log does not keep up", fault.ErrOverloaded)
	case errors.Is(err, raft.ErrAbortedByRestore):
		return fmt.Errorf("%w: a restore came in between", fault.ErrConflict)
	default: // leadership lost, shutdown, a disk that failed
		return fault.Unknown(fmt.Errorf("%w any more: %w", fault.ErrNoLeader, err))
	}
}
