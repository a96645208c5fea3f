package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/fault"
)

// callTransfer asks the leader to hand its leadership over.
const callTransfer = "leadership"

type transferRequest struct {
	To string `json:"to,omitempty"`
}

// Transfer has leadership handed over to a voter, given by its label or Raft id, or to whichever is nearest to the leader's
// log if to is empty. It can be called on any node. It returns the label of the node that leads afterwards, which is the one
// that was asked for.
//
// The error is [fault.ErrNodeNotFound] or [fault.ErrConflict] where that can't be.
func (m *Member) Transfer(ctx context.Context, to string) (leader string, err error) {
	d, err := m.atLeader(ctx, callTransfer, transferRequest{to})
	return d.Leader, err
}

func (m *Member) answerTransfer(ctx context.Context, b []byte) ([]byte, error) {
	var request transferRequest
	if err := json.Unmarshal(b, &request); err != nil {
		return nil, err
	}
	if !m.Leads() {
		return nil, ErrNotLeader
	}
	return answerDecree(m.transfer(ctx, request.To))
}

// transfer hands this node's leadership over.
func (m *Member) transfer(ctx context.Context, to string) (decree, error) {
	candidates := m.successors()
	if to != "" {
		s, err := m.serverNamed(to)
		if err != nil {
			return decree{}, err
		}
		if string(s.ID) == m.RaftID() {
			return decree{Leader: m.config.Label}, nil
		}
		if s.Suffrage != raft.Voter {
			return decree{}, fmt.Errorf("%w: node %q has no vote and can't lead", fault.ErrConflict, to)
		}
		candidates = []raft.Server{s}
	}
	leader, err := m.handOver(ctx, candidates)
	return decree{Leader: leader}, err
}

// HandOver gives leadership, if this node has it, to another voter, so that a planned stop costs no election time-out.
// Without a voter that can take it, it does nothing.
func (m *Member) HandOver(ctx context.Context) {
	candidates := m.successors()
	if !m.Leads() || len(candidates) == 0 {
		return
	}
	if _, err := m.handOver(ctx, candidates); err != nil {
		m.config.Log.Warn("leadership could not be handed over", "error", err)
	}
}

// successors are the other voters that gossip calls alive; those come first whose logs are longest, since they have the
// least to catch up before they can lead.
func (m *Member) successors() []raft.Server {
	others := slices.DeleteFunc(m.voters(), func(s raft.Server) bool {
		return string(s.ID) == m.RaftID() || !m.gossip.alive(string(s.ID))
	})
	slices.SortStableFunc(others, func(a, b raft.Server) int {
		first, _ := m.contact.last(a.ID)
		second, _ := m.contact.last(b.ID)
		return cmp.Compare(second.LastIndex, first.LastIndex)
	})
	return others
}

// drainTimeout is how long a hand-over waits for entries on their way to a majority.
const drainTimeout = time.Second

// handOver tries the candidates until one of them leads, and returns its label.
func (m *Member) handOver(ctx context.Context, candidates []raft.Server) (leader string, err error) {
	select {
	case m.handingOver <- struct{}{}:
		defer func() { <-m.handingOver }()
	case <-ctx.Done():
		return "", fmt.Errorf("%w while another hand-over was under way", fault.ErrTimeout)
	}
	began := time.Now()
	drain, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	m.gate.close(drain)
	defer m.gate.open()
	err = fmt.Errorf("%w: there is no other node with a vote that could lead", fault.ErrConflict)
	for _, s := range candidates {
		if !m.Leads() {
			return "", ErrNotLeader
		}
		label := m.labelOf(string(s.ID))
		if err = m.settled(ctx, m.raft.LeadershipTransferToServer(s.ID, s.Address)); err == nil {
			err = m.awaitLeader(ctx, s.ID)
		}
		if errors.Is(err, raft.ErrNotLeader) {
			return "", ErrNotLeader
		}
		if err == nil {
			m.config.Log.Info("leadership was handed over", "to", label, "took", time.Since(began).Round(time.Millisecond))
			return label, nil
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("%w while leadership was handed over to %q", fault.ErrTimeout, label)
		}
		err = fmt.Errorf("%w: leadership could not be handed over to %q: %w", fault.ErrConflict, label, err)
	}
	return "", err
}

// awaitLeader waits until this node follows the one that it has handed over to.
func (m *Member) awaitLeader(ctx context.Context, id raft.ServerID) error {
	patience := time.After(2 * electionTimeout * time.Duration(m.config.Multiplier))
	for {
		leader, changed := m.Leader()
		switch leader {
		case string(id):
			return nil
		case "", m.RaftID():
		default:
			return fmt.Errorf("node %q was elected instead", m.labelOf(leader))
		}
		select {
		case <-changed:
		case <-patience:
			return errors.New("it was not elected")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
