package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/fault"
)

// The calls with which a read index and a horizon are found.
const (
	callTerm      = "term"       // which term are you in?
	callReadIndex = "read-index" // to the leader: confirm how far you stand
)

const (
	// roundTimeout bounds one round, before the multiplier.
	roundTimeout = time.Second

	// readPatience is for how long a read waits through an election, before the multiplier.
	readPatience = 2 * time.Second

	// retryPause is how long to wait before the same question is put again, where nothing tells when it may succeed.
	retryPause = 25 * time.Millisecond
)

// confirmation is how far the leader stood when a round began in which a majority confirmed its leadership.
type confirmation struct {
	applied   uint64 // the last command that its state machine had applied: all that it had acknowledged is in it
	committed uint64 // the last entry that it knew to be committed, of whatever kind: nothing beyond it was applied anywhere
}

// ReadIndex returns an index that covers every write that was acknowledged before the call: a node that has applied it
// may answer a linearizable read. A majority of the voters has confirmed it since the call began, so a leader that was
// cut off or paused can't. Calls that wait together share a round. A read waits through an election, but not for long:
// the error is [fault.ErrNoLeader] where no majority answers.
func (m *Member) ReadIndex(ctx context.Context) (uint64, error) {
	c, err := m.confirmed(ctx)
	return c.applied, err
}

// Horizon returns an index beyond which no node had applied anything when the call began: who claims to have seen more
// has seen another history. It is confirmed, waits and fails as [Member.ReadIndex] does, and shares its rounds, but it
// can't take its place, nor the other way round: a follower may apply an entry a moment before the leader's own state
// machine does, so there may be positions between the two. It may be the index of an entry that never reaches a state
// machine, so nobody must wait until it is applied.
func (m *Member) Horizon(ctx context.Context) (uint64, error) {
	c, err := m.confirmed(ctx)
	return c.committed, err
}

// confirmed asks, through an election if need be.
func (m *Member) confirmed(ctx context.Context) (confirmation, error) {
	if err := m.Expelled(); err != nil {
		return confirmation{}, err
	}
	patience := time.After(readPatience * time.Duration(m.config.Multiplier))
	for {
		_, changed := m.Leader()
		c, err := m.rounds.ask(ctx)
		if err == nil || ctx.Err() != nil || errors.Is(err, errStopping) {
			return c, err
		}
		select {
		case <-changed:
		case <-time.After(retryPause):
		case <-patience:
			return confirmation{}, err
		case <-ctx.Done():
			return confirmation{}, ctx.Err()
		}
	}
}

// confirm is one round on any node.
func (m *Member) confirm(ctx context.Context) (c confirmation, err error) {
	ctx, cancel := m.roundContext(ctx)
	defer cancel()
	switch leader, _ := m.Leader(); leader {
	case "":
		err = fmt.Errorf("%w: %s", fault.ErrNoLeader, m.Electorate())
	case m.RaftID():
		c, err = m.leaderRounds.ask(ctx)
	default:
		c, err = m.askReadIndex(ctx, leader)
	}
	if err != nil && !errors.Is(err, fault.ErrNoLeader) {
		err = fmt.Errorf("%w that can confirm a read: %w", fault.ErrNoLeader, err)
	}
	return c, err
}

// confirmAsLeader is one round on the leader. What it stands at is read first: whatever is acknowledged or applied
// elsewhere under a later leader, before the round, fails the round.
func (m *Member) confirmAsLeader(ctx context.Context) (confirmation, error) {
	term := m.raft.CurrentTerm()
	if m.raft.State() != raft.Leader || m.leadership.readyTerm.Load() != term {
		return confirmation{}, fmt.Errorf("%w: this node is not, or not yet, a leader that can confirm a read", fault.ErrNoLeader)
	}
	stands := confirmation{applied: m.config.Machine.Applied(), committed: m.raft.CommitIndex()}
	ctx, cancel := m.roundContext(ctx)
	defer cancel()
	if err := m.confirmTerm(ctx, term); err != nil {
		return confirmation{}, err
	}
	if m.raft.CurrentTerm() != term {
		return confirmation{}, fmt.Errorf("%w: this node lost its leadership while a read was confirmed", fault.ErrNoLeader)
	}
	return stands, nil
}

// roundContext bounds a round, for the sake of those who wait for the next one.
func (m *Member) roundContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, roundTimeout*time.Duration(m.config.Multiplier))
}

func (m *Member) askReadIndex(ctx context.Context, leader string) (confirmation, error) {
	answer, err := m.Call(ctx, leader, callReadIndex, nil)
	if err != nil {
		return confirmation{}, err
	}
	return decodeConfirmation(answer)
}

func (m *Member) answerReadIndex(ctx context.Context, _ []byte) ([]byte, error) {
	c, err := m.leaderRounds.ask(ctx)
	return c.encode(), err
}

func (c confirmation) encode() []byte {
	return binary.BigEndian.AppendUint64(encodeUint64(c.applied), c.committed)
}

func decodeConfirmation(b []byte) (c confirmation, err error) {
	if len(b) != 16 {
		return c, errors.New("a node answered with something else than two numbers")
	}
	return confirmation{applied: binary.BigEndian.Uint64(b), committed: binary.BigEndian.Uint64(b[8:])}, nil
}

func (m *Member) answerTerm(context.Context, []byte) ([]byte, error) {
	return encodeUint64(m.raft.CurrentTerm()), nil
}

func encodeUint64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func decodeUint64(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, errors.New("a node answered with something else than a number")
	}
	return binary.BigEndian.Uint64(b), nil
}
