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
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
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
	for {
		select {
		case leads := <-m.leadership.changes:
			m.leadership.readyTerm.Store(0)
			if leads {
				m.wait.Go(m.beginTerm)
			}
		case o := <-m.leadership.observations:
			leader := o.Data.(raft.LeaderObservation).LeaderID
			m.leadership.set(leader)
			m.logLeader(leader)
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

// HandOver gives leadership to another voter, if this node has it and there is another, so that a planned stop costs no
// election time-out.
func (m *Member) HandOver(ctx context.Context) {
	if !m.Leads() || len(m.voters()) < 2 {
		return
	}
	done := make(chan error, 1)
	go func() { done <- m.raft.LeadershipTransfer().Error() }() // ends by Raft's election time-out at the latest
	select {
	case err := <-done:
		if err != nil {
			m.config.Log.Warn("leadership could not be handed over before the stop; the others will elect a leader", "error", err)
		}
	case <-ctx.Done():
	}
}
