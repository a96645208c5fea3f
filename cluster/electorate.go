package cluster

import (
	"context"
	"errors"

	"github.com/hashicorp/raft"
)

// Voters are the Raft ids of the voters of the latest configuration, this node among them where it has a vote.
func (m *Member) Voters() []string {
	voters := m.voters()
	ids := make([]string, len(voters))
	for i, v := range voters {
		ids[i] = string(v.ID)
	}
	return ids
}

// HandOverTo gives this node's leadership to one voter and returns when that one leads. Where this node does not lead, the
// error is [ErrNotLeader].
func (m *Member) HandOverTo(ctx context.Context, raftID string) error {
	if !m.Leads() {
		return ErrNotLeader
	}
	_, err := m.transfer(ctx, raftID)
	return err
}

// TakeSnapshot has Raft take a snapshot now, ahead of its own rhythm. Where nothing has changed since the last one, none is
// taken.
func (m *Member) TakeSnapshot(ctx context.Context) error {
	err := m.settled(ctx, m.raft.Snapshot())
	if errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return nil
	}
	return err
}
