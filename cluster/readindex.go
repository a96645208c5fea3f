package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/fault"
)

// The calls with which a read index is found.
const (
	callTerm      = "term"       // which term are you in?
	callReadIndex = "read-index" // to the leader: confirm a read index
)

const (
	// roundTimeout bounds one question for a read index, before the multiplier.
	roundTimeout = time.Second

	// readPatience is for how long a read waits through an election, before the multiplier.
	readPatience = 2 * time.Second

	// retryPause is how long to wait before the same question is put again, where nothing tells when it may succeed.
	retryPause = 25 * time.Millisecond
)

// ReadIndex returns an index that covers every write that was acknowledged before the call: a node that has applied it
// may answer a linearizable read. A majority of the voters has confirmed it since the call began, so a leader that was
// cut off or paused can't. Calls that wait together share a round. A read waits through an election, but not for long:
// the error is [fault.ErrNoLeader] where no majority answers.
func (m *Member) ReadIndex(ctx context.Context) (uint64, error) {
	if err := m.Expelled(); err != nil {
		return 0, err
	}
	patience := time.After(readPatience * time.Duration(m.config.Multiplier))
	for {
		_, changed := m.Leader()
		index, err := m.rounds.ask(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, errStopping) {
			return index, err
		}
		select {
		case <-changed:
		case <-time.After(retryPause):
		case <-patience:
			return 0, err
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// confirmReadIndex is one round on any node.
func (m *Member) confirmReadIndex(ctx context.Context) (uint64, error) {
	ctx, cancel := m.roundContext(ctx)
	defer cancel()
	var index uint64
	var err error
	switch leader, _ := m.Leader(); leader {
	case "":
		err = fmt.Errorf("%w: %s", fault.ErrNoLeader, m.Electorate())
	case m.RaftID():
		index, err = m.leaderRounds.ask(ctx)
	default:
		index, err = m.askReadIndex(ctx, leader)
	}
	if err != nil && !errors.Is(err, fault.ErrNoLeader) {
		err = fmt.Errorf("%w that can confirm a read: %w", fault.ErrNoLeader, err)
	}
	return index, err
}

func (m *Member) askReadIndex(ctx context.Context, leader string) (uint64, error) {
	answer, err := m.Call(ctx, leader, callReadIndex, nil)
	if err != nil {
		return 0, err
	}
	return decodeUint64(answer)
}

// confirmAsLeader is one round on the leader: is every other node still in the term that this node leads in?
//
// hashicorp/raft has VerifyLeader for this. It counts answers to messages that were sent before the read began, and
// those of non-voters: a leader that was paused was seen to vouch for stale reads. Here every question is asked anew,
// of voters only. That is enough: whoever votes for another leader writes the higher term down before it answers, and
// terms never fall, so once a majority has moved on no majority can answer the old term.
func (m *Member) confirmAsLeader(ctx context.Context) (uint64, error) {
	term := m.raft.CurrentTerm()
	if m.raft.State() != raft.Leader || m.leadership.readyTerm.Load() != term {
		return 0, fmt.Errorf("%w: this node is not, or not yet, a leader that can confirm a read", fault.ErrNoLeader)
	}
	index := m.config.Machine.Applied() // everything that this leader has acknowledged is applied here
	voters := m.voters()
	ctx, cancel := m.roundContext(ctx)
	var questions sync.WaitGroup
	defer questions.Wait()
	defer cancel() // the questions still under way when a majority has answered
	answers := make(chan bool, len(voters))
	agree := 0
	for _, v := range voters {
		if string(v.ID) == m.RaftID() {
			agree++
			continue
		}
		questions.Go(func() { answers <- m.inTerm(ctx, string(v.ID), term) })
	}
	for asked := len(voters) - agree; agree <= len(voters)/2; asked-- {
		if asked == 0 {
			return 0, fmt.Errorf("%w: %d of %d voters confirm this node's leadership", fault.ErrNoLeader, agree, len(voters))
		}
		if <-answers {
			agree++
		}
	}
	if m.raft.CurrentTerm() != term {
		return 0, fmt.Errorf("%w: this node lost its leadership while a read was confirmed", fault.ErrNoLeader)
	}
	return index, nil
}

// roundContext bounds a round, for the sake of those who wait for the next one.
func (m *Member) roundContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, roundTimeout*time.Duration(m.config.Multiplier))
}

// inTerm asks a node whether its term is the given one.
func (m *Member) inTerm(ctx context.Context, raftID string, term uint64) bool {
	answer, err := m.Call(ctx, raftID, callTerm, nil)
	if err != nil {
		return false
	}
	theirs, err := decodeUint64(answer)
	return err == nil && theirs == term
}

func (m *Member) answerTerm(context.Context, []byte) ([]byte, error) {
	return encodeUint64(m.raft.CurrentTerm()), nil
}

func (m *Member) answerReadIndex(ctx context.Context, _ []byte) ([]byte, error) {
	index, err := m.leaderRounds.ask(ctx)
	return encodeUint64(index), err
}

func encodeUint64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func decodeUint64(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, errors.New("a node answered with something else than a number")
	}
	return binary.BigEndian.Uint64(b), nil
}
