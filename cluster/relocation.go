package cluster

import (
	"context"
	"time"

	"github.com/hashicorp/raft"
)

// keepAddresses is the leader's duty to write into the configuration where the servers are now, what they are called, and which
// commands they read: a node may come back with another address, name or version. Gossip finds it, which is enough to reach it; the configuration is for
// those who have no gossip yet, and for the time after.
func (m *Member) keepAddresses(ctx context.Context) {
	tick := time.NewTicker(m.config.pace.survey)
	defer tick.Stop()
	moved := map[raft.ServerID]move{}
	for {
		select {
		case <-tick.C:
			m.writeMoves(ctx, moved)
		case <-ctx.Done():
			return
		}
	}
}

// move is that a server says to be elsewhere than the configuration says.
type move struct {
	to    Server
	since time.Time
}

// writeMoves writes down the moves that have held for long enough; one change of the configuration at a time.
func (m *Member) writeMoves(ctx context.Context, moved map[raft.ServerID]move) {
	servers, index := m.configuration()
	for _, s := range servers {
		to, ok := m.movedTo(servers, s)
		if !ok {
			delete(moved, s.ID)
			continue
		}
		if moved[s.ID].to != to {
			moved[s.ID] = move{to, time.Now()}
		}
		if time.Since(moved[s.ID].since) < m.config.pace.settle {
			continue
		}
		// Raft takes this for a change of the address alone where the server has a vote.
		err := m.settled(ctx, m.raft.AddNonvoter(s.ID, to.address(), index, enqueueTimeout))
		if err != nil {
			m.config.Log.Debug("the new address of a node could not be written down yet", "node", to.Label, "error", err)
			return
		}
		m.config.Log.Info("a node has another address, name or version of commands", "raft_id", s.ID, "was", s.Address, "is", to)
		return
	}
}

// movedTo is the address that a server says it has, if it has said so lately and that is another than before. A name that
// another server has it does not get.
func (m *Member) movedTo(servers []raft.Server, s raft.Server) (Server, bool) {
	last, ok := m.contact.last(s.ID)
	if !ok || last.age() > 2*m.config.pace.survey {
		return Server{}, false
	}
	to := Server{RaftID: string(s.ID), Label: last.Label, Peer: last.Peer, Commands: last.Commands}
	was := serverOf(s)
	if to.Label != was.Label && len(namesakes(servers, to.Label, s.ID)) > 0 {
		to.Label = was.Label
	}
	return to, to != was
}
