package cluster

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/fault"
)

func TestOnlyErrorsFromBeforeTheLogSayThatNothingWasDone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from    error
		is      error
		unknown bool
	}{
		{raft.ErrNotLeader, ErrNotLeader, false},
		{raft.ErrLeadershipTransferInProgress, ErrNotLeader, false},
		{raft.ErrEnqueueTimeout, fault.ErrOverloaded, false},
		{raft.ErrAbortedByRestore, fault.ErrConflict, false},
		{raft.ErrLeadershipLost, fault.ErrNoLeader, true},
		{raft.ErrRaftShutdown, fault.ErrNoLeader, true},
		{errors.New("input/output error"), fault.ErrNoLeader, true},
		{fmt.Errorf("wrapped: %w", raft.ErrNotLeader), ErrNotLeader, false},
	} {
		if err := commitError(c.from); !errors.Is(err, c.is) || fault.IsUnknown(err) != c.unknown {
			t.Errorf("%v becomes %v, unknown %v", c.from, err, fault.IsUnknown(err))
		}
	}
}

func TestOnlyTheLeaderCommits(t *testing.T) {
	t.Parallel()
	c := gather(t, 2)
	leader := c.leader()
	if _, err := c.others(leader)[0].Commit(soon(t), []byte("x")); !errors.Is(err, ErrNotLeader) || fault.IsUnknown(err) {
		t.Errorf("a follower: %v", err)
	}
	if index := c.commit("x"); index == 0 {
		t.Error("the leader does not pass on the machine's answer")
	}
}

func TestACommitWithoutAMajorityHasAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	c := gather(t, 2)
	leader := c.leader()
	c.wires.part("n1", "n2")
	if _, err := leader.Commit(soon(t), []byte("x")); !fault.IsUnknown(err) && !errors.Is(err, ErrNotLeader) {
		t.Errorf("%v", err)
	}
}

func TestACommitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	n := gather(t, 1).leader()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.Commit(over, []byte("never proposed")); !errors.Is(err, fault.ErrTimeout) || fault.IsUnknown(err) {
		t.Errorf("before it began: %v", err)
	}

	release := n.journal.hold()
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-n.journal.entered
		cancel()
	}()
	if _, err := n.Commit(ctx, []byte("on its way")); !errors.Is(err, fault.ErrTimeout) || !fault.IsUnknown(err) {
		t.Errorf("after it began: %v", err)
	}
}

// When Raft is shut down, the goroutine of the state machine ends without taking all that Raft has handed to it, and Raft
// answers for none of that. Neither those who wait for a commit nor the stop itself may wait for it.
func TestAStopLeavesNobodyWaitingForACommit(t *testing.T) {
	const commits = 16
	n := gather(t, 1).nodes[0]
	release := n.journal.hold()
	ended := make(chan error, commits)
	before := n.raft.LastIndex()
	for i := range uint64(commits) { // one after the other, so that each is handed on by itself
		go func() {
			_, err := n.Commit(context.Background(), []byte("x"))
			ended <- err
		}()
		eventually.Succeeds(t, patience, func() error {
			if at := n.raft.AppliedIndex(); at <= before+i { // Raft's word for handed on
				return fmt.Errorf("the log has come to %d", at)
			}
			return nil
		})
	}
	n.wait.Go(func() { n.beginTerm(context.Background()) }) // a barrier among them
	stopped := make(chan struct{})
	go func() {
		n.stop()
		close(stopped)
	}()
	eventually.Succeeds(t, patience, func() error {
		if n.raft.State() != raft.Shutdown {
			return errors.New("Raft is not shut down yet")
		}
		return nil
	})
	release()
	late := time.After(patience)
	lost := 0
	for range commits {
		select {
		case err := <-ended:
			if err != nil && !fault.IsUnknown(err) {
				t.Errorf("a commit that was under way ended with %v", err)
			}
			if err != nil {
				lost++
			}
		case <-late:
			t.Fatal("a commit waits for ever")
		}
	}
	select {
	case <-stopped:
	case <-late:
		t.Fatal("the stop waits for ever")
	}
	t.Logf("of %d commits the outcome of %d is unknown", commits, lost)
}
