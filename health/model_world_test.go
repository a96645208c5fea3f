package health

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/musterhq/muster/registry"
)

// fence is one of the rules that keep a lease from running out wrongly.
type fence string

const (
	leaseIndex  fence = "an expiry counts only against the lease that it was found out about"
	termOfWrite fence = "a decision holds in the term only in which it was taken"
	whilePends  fence = "no heartbeat is acknowledged while an expiry is proposed"
	unknownOnes fence = "an expiry whose outcome is unknown is still proposed"
	fullGrant   fence = "a new leader grants every lease its full time"
	gapOfPause  fence = "the time that a leader was paused does not count"
	freshRound  fence = "a heartbeat is acknowledged after a fresh round"
	sameTerm    fence = "the round confirms the term in which the heartbeat was noted"
	graceOfVia  fence = "the death of the node that took the heartbeats gives time"
	predecessor fence = "only the last leader's times are taken over"
)

// world is a small cluster with its clients, in which one thing happens after the other. Its time is a number.
type world struct {
	*rand.Rand
	down  fence // taken down
	trace func(format string, args ...any)
	wrong string // the first thing that must not happen

	now     time.Duration
	nodes   []*member
	clients []*client

	term      uint64
	leader    *member  // as Raft has it: whoever else believes to lead is wrong
	log       []*entry // what the leader of the term has in it
	committed int

	mail      []*heartbeat
	acks      []*ack
	decisions []*decision
	told      []*handover
}

// member is a node.
type member struct {
	name    string
	leases  *Leases
	applied int           // entries of the log
	awake   time.Duration // how long it was, counting longestStep of each pause
	paused  bool
	since   time.Duration // when it was paused

	led    time.Duration            // awake, when its leadership began
	noted  map[string]time.Duration // awake, when it noted the last sign of life of a client; none after a takeover
	via    map[string]string        // the node that took a client's last heartbeat, in this leadership
	silent map[string]time.Duration // awake, when that fell silent for the first time since
}

// client is an instance with a lease.
type client struct {
	id       string
	ttl      time.Duration
	reap     time.Duration
	until    time.Duration // it was promised not to be shown as expired before
	reaped   bool
	expired  time.Duration // when that was committed
	restored time.Duration // when the state was put back, which ends all promises
	shownAs  uint64        // the lease that was put back as expired
}

// entry is one of the log, with what it did once it is committed.
type entry struct {
	term, writeTerm uint64
	ops             []registry.Operation
	sent            time.Duration // of a registration
	restore         bool

	state   *registry.State
	changes []registry.Change
}

// heartbeat is one under way to whoever leads.
type heartbeat struct {
	of   *client
	via  string
	sent time.Duration
}

// ack is one that waits for a round, or has got it.
type ack struct {
	heartbeat
	by        *member
	leases    *Leases
	term      uint64
	confirmed bool
}

// decision is what a node wants to propose, or has.
type decision struct {
	by     *member
	leases *Leases // another one after a restart
	term   uint64
	ops    []registry.Operation
	entry  *entry // nil until it is proposed
}

// handover is on its way from a leader that was to one that is.
type handover struct {
	to   *member
	term uint64
	ages []Age
}

func newWorld(r *rand.Rand, down fence) *world {
	w := &world{Rand: r, down: down, trace: func(string, ...any) {}}
	w.clients = []*client{
		{id: "a", ttl: time.Second, reap: 2 * time.Second, restored: -1},
		{id: "b", ttl: 1300 * time.Millisecond, restored: -1},
	}
	w.clients = w.clients[:1+w.IntN(2)]
	w.log = []*entry{{state: registry.NewState()}}
	w.committed = 1
	for _, name := range []string{"n1", "n2", "n3"}[:2+w.IntN(2)] {
		m := &member{name: name}
		w.nodes = append(w.nodes, m)
		w.start(m)
	}
	return w
}

// start gives a node a memory of what it has applied, and nothing else.
func (w *world) start(m *member) {
	m.applied = max(m.applied, 1)
	m.leases = newLeases(m.name, func() time.Duration { return w.now })
	m.leases.clock.unfenced = w.down == gapOfPause
	m.leases.unfenced = unfenced{pending: w.down == whilePends, grant: w.down == fullGrant, grace: w.down == graceOfVia, inherit: w.down == predecessor}
	m.leases.Replaced(w.log[m.applied-1].state)
	m.hear()
}

// hear forgets what the node has heard of the clients.
func (m *member) hear() {
	m.led, m.noted, m.via, m.silent = m.awake, map[string]time.Duration{}, map[string]string{}, map[string]time.Duration{}
	for _, id := range []string{"a", "b"} {
		m.noted[id] = m.awake
	}
}

func (w *world) state() *registry.State { return w.log[w.committed-1].state }

// fail notes the first thing that went wrong.
func (w *world) fail(format string, args ...any) {
	w.trace(format, args...)
	if w.wrong == "" {
		w.wrong = fmt.Sprintf(format, args...)
	}
}

// pass lets time go by, in which the nodes that are awake look for what is due.
func (w *world) pass(d time.Duration) {
	for d > 0 {
		step := min(d, Tick)
		d -= step
		w.now += step
		for _, m := range w.nodes {
			if !m.paused {
				m.awake += step
				w.due(m)
			}
		}
	}
}

// due has a node decide what is due, and checks that it may.
func (w *world) due(m *member) {
	term, ops := m.leases.Due(8)
	if len(ops) == 0 {
		return
	}
	for _, op := range ops {
		_, id := op.Target()
		c := w.client(id)
		w.trace("%s decides in term %d: %T of %s", m.name, term, op, id)
		if _, expiry := op.(registry.ExpireLease); !expiry {
			continue
		}
		if noted, ok := m.noted[id]; ok && m.awake-noted < c.ttl {
			w.fail("%s expires %s after it was awake for %s only since it last heard of it", m.name, id, m.awake-noted)
		}
		proposedBefore := m.leases.leases[key{"s", id}].doubted // too late for a grace
		if silent, ok := m.silent[id]; ok && m.awake-silent < c.ttl && !proposedBefore {
			w.fail("%s expires %s %s after its node fell silent", m.name, id, m.awake-silent)
		}
	}
	w.decisions = append(w.decisions, &decision{by: m, leases: m.leases, term: term, ops: ops})
}

func (w *world) client(id string) *client {
	return w.clients[slices.IndexFunc(w.clients, func(c *client) bool { return c.id == id })]
}

// commit has a majority agree on the next entry.
func (w *world) commit() {
	e := w.log[w.committed]
	index := uint64(w.committed) + 1
	before := w.state()
	w.committed++
	if e.restore {
		w.putBack(e, index)
		return
	}
	edit := before.Edit()
	edit.SetIndex(index)
	if e.writeTerm == 0 || e.writeTerm == e.term || w.down == termOfWrite {
		for _, op := range e.ops {
			if _, err := edit.Apply(index, w.aimed(before, op)); err != nil {
				w.trace("refused: %v", err)
			}
		}
	}
	e.changes = slices.Collect(edit.ChangesFrom(0))
	e.state = edit.Commit()
	for _, op := range e.ops {
		if r, ok := op.(registry.Register); ok {
			c := w.client(r.Instance.ID)
			c.until, c.reaped = max(c.until, e.sent+c.ttl), false
		}
	}
	for _, change := range e.changes {
		w.judge(e, change)
	}
}

// aimed is the operation as it is, unless the fence is down that has it name the lease.
func (w *world) aimed(state *registry.State, op registry.Operation) registry.Operation {
	service, id := op.Target()
	cur, err := state.Instance(service, id)
	if err != nil || w.down != leaseIndex {
		return op
	}
	switch op := op.(type) {
	case registry.ExpireLease:
		op.Index = cur.LeaseIndex
		return op
	case registry.ReapInstance:
		op.Index = cur.LeaseIndex
		return op
	}
	return op
}

// judge looks at what everybody can see from now on.
func (w *world) judge(e *entry, change registry.Change) {
	c := w.client(change.Instance().ID)
	switch {
	case change.New == nil:
		c.reaped = e.writeTerm != 0
		if !c.reaped {
			c.until = 0 // It wanted to go.
		} else if w.now < c.expired+c.reap {
			w.fail("%s is reaped at %s, %s after it has expired", c.id, w.now, w.now-c.expired)
		}
		w.trace("%s is gone", c.id)
	case change.New.Expired && !change.Old.Expired:
		w.trace("%s is expired", c.id)
		c.expired = w.now
	default:
		w.trace("%s is %s, lease %d", c.id, change.New.Status, change.New.LeaseIndex)
		return
	}
	if w.now < c.until {
		w.fail("%s is shown as expired or gone at %s, and was promised not to be before %s", c.id, w.now, c.until)
	}
}

// putBack restores the state that some earlier entry has made.
func (w *world) putBack(e *entry, index uint64) {
	edit := registry.NewState().Edit()
	for service := range w.log[w.IntN(w.committed-1)].state.Services() {
		for i := range service.Instances() {
			i = i.Clone()
			i.ModifyIndex, i.LeaseIndex = index, index
			edit.Put(i)
			if c := w.client(i.ID); i.Expired {
				c.shownAs, c.expired = index, w.now
			}
		}
	}
	edit.SetIndex(index)
	e.state = edit.Commit()
	for _, c := range w.clients {
		c.until, c.reaped, c.restored = 0, false, w.now
	}
	w.trace("the state is put back")
}
