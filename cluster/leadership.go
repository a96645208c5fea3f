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
	observations chan raft.Observation // a hint that there is something to learn; see observe
	observer     *raft.Observer
	raft         *raft.Raft
	silence      silence

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
		observations: make(chan raft.Observation, 1),
		silence:      silence{nodes: map[raft.ServerID]bool{}},
		changed:      make(chan struct{}),
	}
}

// observe begins to listen to Raft. Raft must never wait for this node here: it observes on the goroutines that it waits
// for when it is shut down. So an observation is only a hint, of which one at a time is enough. Which nodes are silent is
// noted by the filter, and who leads Raft is asked: it sets the leader first and tells the observers then.
func (l *leadership) observe(r *raft.Raft) {
	l.raft = r
	l.observer = raft.NewObserver(l.observations, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation:
			return true
		case raft.FailedHeartbeatObservation, raft.ResumedHeartbeatObservation:
			l.silence.note(o)
			return true
		}
		return false
	})
	r.RegisterObserver(l.observer)
	l.update()
}

func (l *leadership) close() {
	if l.observer != nil {
		l.raft.DeregisterObserver(l.observer)
	}
}

// update asks Raft who leads, and tells whether that is another than before.
func (l *leadership) update() (leader raft.ServerID, changed bool) {
	_, leader = l.raft.LeaderWithID()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.leader == leader {
		return leader, false
	}
	l.leader = leader
	close(l.changed)
	l.changed = make(chan struct{})
	return leader, true
}

// get returns the leader, empty if unknown, and a channel that is closed when another one is known.
func (l *leadership) get() (raft.ServerID, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leader, l.changed
}

// watchLeadership takes what Raft says of leaders until the member ends.
func (m *Member) watchLeadership(ctx context.Context) {
	var duties duties
	defer duties.end()
	for {
		select {
		case leads := <-m.leadership.changes:
			m.endTerm(&duties)
			if leads {
				m.contact.begin(m.raft.CurrentTerm())
				duties.begin(ctx, m.beginTerm, m.tendMembers, m.keepAddresses)
			}
		case <-m.leadership.observations:
			if leader, changed := m.leadership.update(); changed {
				m.logLeader(leader)
			}
			m.logSilence()
		case <-ctx.Done():
			return
		}
	}
}

// endTerm ends what there was of a leadership. That it is over counts at once, since a duty may take its time to end; and
// it counts afterwards, since one of the duties says that the leadership is ready, and may just have done so.
func (m *Member) endTerm(d *duties) {
	m.leadership.readyTerm.Store(0)
	d.end()
	m.leadership.readyTerm.Store(0)
	m.leadership.silence.forget()
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

// beginTerm makes a new leader ready: a barrier has passed through the state machine, so everything that was
// acknowledged under earlier leaders is applied here.
//
// The term is read before the barrier and compared after it, since between Raft's word and the first look this node may
// have lost the leadership to another term.
func (m *Member) beginTerm(ctx context.Context) {
	for m.raft.State() == raft.Leader {
		term := m.raft.CurrentTerm()
		err := m.settled(ctx, m.raft.Barrier(enqueueAttempt))
		if err == nil && m.raft.State() == raft.Leader && m.raft.CurrentTerm() == term {
			m.leadership.readyTerm.Store(term)
			return
		}
		select {
		case <-time.After(retryPause): // while leadership is handed over, Raft refuses at once
		case <-ctx.Done():
			return
		}
	}
}

// Leads tells whether Raft calls this node the leader. Another node may have been elected meanwhile.
func (m *Member) Leads() bool { return m.raft.State() == raft.Leader }

// Leading is the term in which this node leads and has applied all that earlier leaders have committed; 0 if there is none.
// Another node may have been elected meanwhile.
func (m *Member) Leading() uint64 { return m.leadership.readyTerm.Load() }

// Leader returns the Raft id of the leader that this node knows, empty if none, and a channel that is closed when that
// changes.
func (m *Member) Leader() (raftID string, changed <-chan struct{}) {
	leader, changed := m.leadership.get()
	return string(leader), changed
}

// Term is Raft's current term.
func (m *Member) Term() uint64 { return m.raft.CurrentTerm() }
