package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// leadership follows who leads.
type leadership struct {
	changes      chan bool             // Raft's word on this node itself; Raft waits until it is taken
	observations chan raft.Observation // Raft's word on everybody
	observer     *raft.Observer
	raft         *raft.Raft

	// readyTerm is the term in which this node leads and has applied all that earlier leaders committed; 0 if there is
	// none. Before that, the newest state that clients were told of may not be here yet.
	readyTerm atomic.Uint64

	mu      sync.Mutex
	leader  raft.ServerID
	changed chan struct{} // closed when leader changes
}

func newLeadership() *leadership {
	return &leadership{
		changes:      make(chan bool, 16),
		observations: make(chan raft.Observation, 16),
		changed:      make(chan struct{}),
	}
}

// observe begins to listen to Raft.
func (l *leadership) observe(r *raft.Raft) {
	l.raft = r
	l.observer = raft.NewObserver(l.observations, true, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.FailedHeartbeatObservation, raft.ResumedHeartbeatObservation:
			return true
		}
		return false
	})
	r.RegisterObserver(l.observer)
	_, leader := r.LeaderWithID()
	l.set(leader)
}

func (l *leadership) close() {
	if l.observer != nil {
		l.raft.DeregisterObserver(l.observer)
	}
}

func (l *leadership) set(leader raft.ServerID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leader == leader {
		return
	}
	l.leader = leader
	close(l.changed)
	l.changed = make(chan struct{})
}

// get returns the leader, empty if unknown, and a channel that is closed when another one is known.
func (l *leadership) get() (raft.ServerID, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leader, l.changed
}

// watchLeadership takes what Raft says of leaders until the member ends.
func (m *Member) watchLeadership() {
	silent := map[raft.ServerID]bool{} // nodes that do not answer this leader
	for {
		select {
		case leads := <-m.leadership.changes:
			m.leadership.readyTerm.Store(0)
			if leads {
				m.wait.Go(m.beginTerm)
			}
		case o := <-m.leadership.observations:
			switch of := o.Data.(type) {
			case raft.LeaderObservation:
				m.leadership.set(of.LeaderID)
				m.logLeader(of.LeaderID)
			case raft.FailedHeartbeatObservation:
				if !silent[of.PeerID] {
					silent[of.PeerID] = true
					m.config.Log.Warn("a node does not answer", "node", m.labelOf(string(of.PeerID)))
				}
			case raft.ResumedHeartbeatObservation:
				delete(silent, of.PeerID)
				m.config.Log.Info("a node answers again", "node", m.labelOf(string(of.PeerID)))
			}
		case <-m.life.Done():
			return
		}
	}
}

func (m *Member) logLeader(leader raft.ServerID) {
	log := m.config.Log.With("term", m.raft.CurrentTerm())
	switch {
	case leader == "":
		log.Info("no leader: an election is under way")
	case string(leader) == m.RaftID():
		log.Info("this node leads")
	default:
		log.Info("following the leader", "leader", m.labelOf(string(leader)))
	}
}

// barrierTimeout is how long a new leader waits at a time for what earlier leaders left behind.
const barrierTimeout = 5 * time.Second

// beginTerm makes a new leader ready: a barrier has passed through the state machine, so everything that was
// acknowledged under earlier leaders is applied here.
//
// The term is read before the barrier and compared after it, since between Raft's word and the first look this node may
// have lost the leadership to another term.
func (m *Member) beginTerm() {
	for m.life.Err() == nil && m.raft.State() == raft.Leader {
		term := m.raft.CurrentTerm()
		err := m.raft.Barrier(barrierTimeout).Error()
		if err == nil && m.raft.State() == raft.Leader && m.raft.CurrentTerm() == term {
			m.leadership.readyTerm.Store(term)
			return
		}
	}
}

// Leads tells whether Raft calls this node the leader. Another node may have been elected meanwhile.
func (m *Member) Leads() bool { return m.raft.State() == raft.Leader }

// Leader returns the Raft id of the leader that this node knows, empty if none, and a channel that is closed when that
// changes.
func (m *Member) Leader() (raftID string, changed <-chan struct{}) {
	leader, changed := m.leadership.get()
	return string(leader), changed
}

// Term is Raft's current term.
func (m *Member) Term() uint64 { return m.raft.CurrentTerm() }

// HandOver gives leadership, if this node has it, to another voter that gossip calls alive, so that a planned stop costs no
// election time-out. Without such a voter it does nothing.
func (m *Member) HandOver(ctx context.Context) {
	for _, v := range m.voters() {
		n, ok := m.gossip.live(string(v.ID))
		if !ok || n.State != "alive" || string(v.ID) == m.RaftID() {
			continue
		}
		if !m.Leads() || ctx.Err() != nil {
			return
		}
		err := m.transferTo(ctx, v)
		if err == nil {
			m.config.Log.Info("leadership was handed over", "to", n.Label)
			return
		}
		m.config.Log.Warn("leadership could not be handed over", "to", n.Label, "error", err)
	}
}

func (m *Member) transferTo(ctx context.Context, to raft.Server) error {
	done := make(chan error, 1)
	go func() { done <- m.raft.LeadershipTransferToServer(to.ID, to.Address).Error() }() // ends after Raft's election time-out
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
