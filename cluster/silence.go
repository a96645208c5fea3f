package cluster

import (
	"sync"

	"github.com/hashicorp/raft"
)

// silence follows which nodes do not answer this leader, of which Raft tells with every heartbeat that fails. The operator
// wants to hear of the first and of the end.
type silence struct {
	mu    sync.Mutex
	nodes map[raft.ServerID]bool
	turns []turn // not yet told
}

// turn says that a node has fallen silent, or that it answers again.
type turn struct {
	node   raft.ServerID
	silent bool
}

// note takes an observation. Raft's goroutines for the other nodes call it.
func (s *silence) note(o *raft.Observation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch of := o.Data.(type) {
	case raft.FailedHeartbeatObservation:
		if !s.nodes[of.PeerID] {
			s.nodes[of.PeerID] = true
			s.turns = append(s.turns, turn{of.PeerID, true})
		}
	case raft.ResumedHeartbeatObservation:
		if s.nodes[of.PeerID] {
			delete(s.nodes, of.PeerID)
			s.turns = append(s.turns, turn{of.PeerID, false})
		}
	}
}

// take returns the turns since the last call.
func (s *silence) take() []turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	turns := s.turns
	s.turns = nil
	return turns
}

// forget begins anew: another leader would have heard the nodes that this one still takes for silent.
func (s *silence) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.nodes)
	s.turns = nil
}

func (m *Member) logSilence() {
	for _, t := range m.leadership.silence.take() {
		if t.silent {
			m.config.Log.Warn("a node does not answer", "node", m.labelOf(string(t.node)))
		} else {
			m.config.Log.Info("a node answers again", "node", m.labelOf(string(t.node)))
		}
	}
}
