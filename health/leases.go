package health

import (
	"sync"
	"time"
)

// Leases follows, on every node, which leases the state holds and, on the leader, when they run out. It proposes nothing:
// its owner asks for what is [Leases.Due], has the log decide it, and tells by [Leases.Settle] what it could not have
// decided. What was decided it hears as an observer of the state. Its methods may be called from many goroutines at once.
type Leases struct {
	seenBy []string // this node, as the one who saw what it proposes

	mu      sync.Mutex
	leases  map[key]*lease
	nodes   map[string]*node
	clock   clock
	wheel   wheel
	settled chan struct{} // closed when a pending lease may be so no more; nil as long as nobody waits

	leading    bool
	term       uint64 // of this leadership, or of the last one
	granted    grant
	handedOver bool // the next leader was told the ages of its leases

	unfenced unfenced
}

// grant is when a leadership began, on the clock of the leases and on that of the world.
type grant struct{ at, world time.Duration }

type key struct{ service, id string }

// unfenced says which fences are taken down; that of the clock stands there. Only the test does it, which has to fail then.
type unfenced struct {
	pending bool // a heartbeat renews a lease although its expiry is proposed
	grant   bool // a new leader counts from what it knows, and not from the beginning of its leadership
	grace   bool // the death of the node that took the heartbeats gives no time
	inherit bool // the times of any earlier leader are taken over
}

// NewLeases returns the leases of an empty state, on a node that does not lead. The node's name goes into the causes of
// what is due.
func NewLeases(node string) *Leases {
	began := time.Now()
	return newLeases(node, func() time.Duration { return time.Since(began) })
}

func newLeases(name string, world func() time.Duration) *Leases {
	return &Leases{seenBy: []string{name}, leases: map[key]*lease{}, nodes: map[string]*node{}, clock: clock{world: world}}
}

// Lead begins the leadership of a term: every lease gets its full time from now on, in constant time. The state must hold
// all that earlier terms have committed, and this node must really lead: with two that believe it, no harm is done as long
// as heartbeats are confirmed as [Leases.Beat] says. An earlier term than that of the last leadership does nothing, and neither
// does one that was handed over. The same term otherwise begins anew: its leader has heard late of the loss of an earlier
// leadership, which it took for the loss of this one.
func (l *Leases) Lead(term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if term < l.term || term == l.term && (l.leading || l.handedOver) {
		return
	}
	l.leading, l.handedOver, l.term = true, false, term
	l.granted = grant{at: l.clock.now(), world: l.clock.world()}
	l.settle()
}

// Follow ends the leadership. Nothing is renewed or due from then on.
func (l *Leases) Follow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.follow()
}

func (l *Leases) follow() {
	if l.leading {
		l.clock.now()
		l.leading = false
		l.settle()
	}
}

// Len is the number of leases in the state, expired ones included.
func (l *Leases) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.leases)
}

// now is the time of the leases, which stands still while another node leads.
func (l *Leases) now() time.Duration {
	if !l.leading {
		return l.clock.at
	}
	return l.clock.now()
}

// settle tells those who wait for a pending lease that there may be news.
func (l *Leases) settle() {
	if l.settled != nil {
		close(l.settled)
		l.settled = nil
	}
}

// deadline is that of a lease in this leadership.
func (l *Leases) deadline(of *lease) time.Duration {
	if l.unfenced.grant {
		return of.deadline(of.term, grant{})
	}
	return of.deadline(l.term, l.granted)
}
