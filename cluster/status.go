package cluster

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// callStatus asks a node how it stands.
const callStatus = "status"

// status is what a node says of itself.
type status struct {
	Label       string        `json:"label"`
	Peer        string        `json:"peer"`
	Commands    int           `json:"commands,omitempty"`
	Replica     bool          `json:"replica,omitempty"` // it wants no vote
	State       string        `json:"state"`
	Applied     uint64        `json:"applied"`
	LastIndex   uint64        `json:"last_index"` // of its log
	LastTerm    uint64        `json:"last_term"`  // of the entry there
	LastContact time.Duration `json:"last_contact"`

	// Missed is for how long the leader has not heard of servers that it should hear of. Only the leader says so.
	Missed map[raft.ServerID]time.Duration `json:"missed,omitempty"`
}

// State is this node's part in Raft: leader, follower, candidate or shutdown.
func (m *Member) State() string { return strings.ToLower(m.raft.State().String()) }

func (m *Member) status() status {
	st := status{
		Label: m.config.Label, Peer: m.PeerAddr(), Commands: m.config.Commands, Replica: m.config.NonVoter,
		State: m.State(), Applied: m.config.Machine.Applied(), LastIndex: m.raft.LastIndex(), LastTerm: m.lastTerm(),
	}
	if m.Leads() {
		st.Missed = m.missed()
	} else if heard := m.raft.LastContact(); !heard.IsZero() {
		st.LastContact = time.Since(heard)
	}
	return st
}

// lastTerm is the term of the newest entry of this node's log. Raft tells it in no other way.
func (m *Member) lastTerm() uint64 {
	term, _ := strconv.ParseUint(m.raft.Stats()["last_log_term"], 10, 64) // Raft has formatted it
	return term
}

func (m *Member) answerStatus(context.Context, []byte) ([]byte, error) {
	return json.Marshal(m.status())
}

func (m *Member) statusOf(ctx context.Context, raftID string) (status, error) {
	if raftID == m.RaftID() {
		return m.status(), nil
	}
	answer, err := m.Call(ctx, raftID, callStatus, nil)
	if err != nil {
		return status{}, err
	}
	var st status
	return st, json.Unmarshal(answer, &st)
}

// statuses asks servers how they stand, all at once. One that has not answered when ctx ends is missing.
func (m *Member) statuses(ctx context.Context, servers []raft.Server) map[raft.ServerID]status {
	answers := make(map[raft.ServerID]status, len(servers))
	var mu sync.Mutex
	var questions sync.WaitGroup
	for _, s := range servers {
		questions.Go(func() {
			st, err := m.statusOf(ctx, string(s.ID))
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			answers[s.ID] = st
		})
	}
	questions.Wait()
	return answers
}
