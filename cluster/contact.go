package cluster

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// contact is when this leader last heard of each server: by an answer to its own question, which comes over the port that
// Raft uses, or by gossip. A new leader has heard of nobody. It begins to count with its leadership, so a change of leader
// gives a node that is away more time, never less.
type contact struct {
	mu      sync.Mutex
	term    uint64    // that the leadership is of
	since   time.Time // it began
	heard   map[raft.ServerID]time.Time
	answers map[raft.ServerID]answered
}

// answered is the newest answer of a server.
type answered struct {
	status
	at time.Time
}

func (a answered) age() time.Duration { return time.Since(a.at) }

// begin forgets what was heard in an earlier leadership.
func (c *contact) begin(term uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.term, c.since = term, time.Now()
	c.heard = map[raft.ServerID]time.Time{}
	c.answers = map[raft.ServerID]answered{}
}

// hear notes a sign of life. Whoever is let in gives one by asking for it: otherwise it would have been silent, it seems, for
// as long as the leadership has lasted.
func (c *contact) hear(id raft.ServerID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.heard != nil { // else the leadership has yet to begin to count
		c.heard[id] = time.Now()
	}
}

// answer notes an answer, which is a sign of life.
func (c *contact) answer(id raft.ServerID, st status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.heard[id], c.answers[id] = now, answered{st, now}
}

// last is the newest answer of a server in this leadership.
func (c *contact) last(id raft.ServerID) (answered, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.answers[id]
	return a, ok
}

// silence is for how long nothing was heard of a server in the leadership of a term, and whether anything ever was.
func (c *contact) silence(id raft.ServerID, term uint64) (silence time.Duration, ever bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.term != term {
		return 0, false // what is known belongs to another leadership, and this one has yet to begin to count
	}
	at, ever := c.heard[id]
	if !ever {
		at = c.since
	}
	return time.Since(at), ever
}

// silence is for how long this leader has heard nothing of a server, and whether it ever did.
func (m *Member) silence(id raft.ServerID) (silence time.Duration, ever bool) {
	return m.contact.silence(id, m.raft.CurrentTerm())
}

// missed are the servers of which this leader should have heard, and for how long it has not.
func (m *Member) missed() map[raft.ServerID]time.Duration {
	missed := map[raft.ServerID]time.Duration{}
	for _, s := range m.servers() {
		if silence, _ := m.silence(s.ID); silence > 2*m.config.pace.survey {
			missed[s.ID] = silence
		}
	}
	return missed
}

// survey asks all servers how they stand, as far as ctx allows, and takes what gossip says of those that do not answer.
func (m *Member) survey(ctx context.Context) {
	servers := m.servers()
	answers := m.statuses(ctx, servers)
	for _, s := range servers {
		if st, ok := answers[s.ID]; ok {
			m.contact.answer(s.ID, st)
		} else if m.gossip.alive(string(s.ID)) {
			m.contact.hear(s.ID)
		}
	}
}
