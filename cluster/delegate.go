package cluster

import (
	"context"
	"sync"

	"github.com/hashicorp/raft"
	autopilot "github.com/hashicorp/raft-autopilot"
)

const (
	// maxTrailing is how many entries a newcomer may lack and still count as having caught up: what comes in between two
	// looks at a busy cluster.
	maxTrailing = 1000

	// replica is the type of node that is never given a vote.
	replica autopilot.NodeType = "replica"
)

// delegate is what autopilot asks of this leader. Autopilot prunes at once whatever it does not know or hears called failed,
// so the delegate knows every server of the configuration, and calls none failed that might come back. Autopilot's two
// goroutines call it.
type delegate struct {
	member   *Member
	remove   func(raft.ServerID)
	removals sync.WaitGroup
	removing sync.Mutex // one at a time
}

// AutopilotConfig is what autopilot judges by.
func (d *delegate) AutopilotConfig() *autopilot.Config {
	c := d.member.config
	return &autopilot.Config{
		CleanupDeadServers:      true,
		LastContactThreshold:    2 * c.pace.survey,
		MaxTrailingLogs:         maxTrailing,
		MinQuorum:               uint(d.member.identity.get().Founders/2 + 1),
		ServerStabilizationTime: c.pace.stable,
	}
}

// KnownServers are all servers of the configuration.
func (d *delegate) KnownServers() map[raft.ServerID]*autopilot.Server {
	known := map[raft.ServerID]*autopilot.Server{}
	for _, s := range d.member.servers() {
		known[s.ID] = d.describe(s)
	}
	return known
}

func (d *delegate) describe(s raft.Server) *autopilot.Server {
	described := &autopilot.Server{
		ID: s.ID, Name: serverOf(s).Label, Address: s.Address,
		NodeStatus:  autopilot.NodeAlive,
		RaftVersion: raft.ProtocolVersionMax,
		IsLeader:    string(s.ID) == d.member.RaftID(),
		NodeType:    replica,
	}
	if s.Suffrage == raft.Voter {
		described.NodeType = autopilot.NodeVoter
	}
	if d.member.expendable(s) != "" {
		described.NodeStatus = autopilot.NodeFailed
	}
	return described
}

// FetchServerStats asks the servers how they stand. One that does not answer keeps its last answer, with a contact that
// lies that much further back.
func (d *delegate) FetchServerStats(ctx context.Context, servers map[raft.ServerID]*autopilot.Server) map[raft.ServerID]*autopilot.ServerStats {
	d.member.survey(ctx)
	stats := map[raft.ServerID]*autopilot.ServerStats{}
	for id := range servers {
		last, ok := d.member.contact.last(id)
		if !ok {
			continue
		}
		stats[id] = &autopilot.ServerStats{
			LastContact: last.LastContact + last.age(),
			LastTerm:    last.LastTerm,
			LastIndex:   last.LastIndex,
		}
	}
	return stats
}

// NotifyState has nobody to tell: who wants to know asks the nodes.
func (d *delegate) NotifyState(*autopilot.State) {}

// RemoveFailedServer removes a server that this delegate called failed. It must return at once.
func (d *delegate) RemoveFailedServer(s *autopilot.Server) {
	if !d.removing.TryLock() {
		return // autopilot comes again
	}
	d.removals.Go(func() {
		defer d.removing.Unlock()
		d.remove(s.ID)
	})
}
