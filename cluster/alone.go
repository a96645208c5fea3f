package cluster

import (
	"time"

	"github.com/hashicorp/raft"
)

// leadAlone has the only voter of a cluster elected at once. It would otherwise wait for the heartbeats of a leader first,
// for up to a second, and there is no other node that could be one.
func (m *Member) leadAlone() error {
	voters := m.voters()
	if len(voters) != 1 || voters[0].ID != raft.ServerID(m.RaftID()) {
		return nil
	}
	// Raft looks at once whether it misses heartbeats when it is told to expect them sooner.
	config := m.raft.ReloadableConfig()
	patience := config.HeartbeatTimeout
	config.HeartbeatTimeout -= time.Millisecond
	if err := m.raft.ReloadConfig(config); err != nil {
		return err
	}
	config.HeartbeatTimeout = patience
	return m.raft.ReloadConfig(config)
}
