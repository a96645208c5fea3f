package health

import (
	"slices"
	"strings"
	"time"

	"github.com/musterhq/muster/registry"
)

// events are all that can happen, and how often. Each finds out by itself whether it can happen now.
var events = []struct {
	happen func(*world)
	often  int
}{
	{(*world).wait, 4}, {(*world).waitLong, 3},
	{(*world).register, 1}, {(*world).deregister, 1}, {(*world).send, 4},
	{(*world).deliver, 6}, {(*world).confirm, 4}, {(*world).acknowledge, 4}, {(*world).exchange, 6},
	{(*world).propose, 4}, {(*world).giveUp, 2}, {(*world).agree, 6}, {(*world).apply, 6},
	{(*world).elect, 2}, {(*world).detour, 2}, {(*world).lead, 6}, {(*world).unseat, 1},
	{(*world).pauseOrWake, 1}, {(*world).crash, 1}, {(*world).restore, 1},
	{(*world).silence, 2}, {(*world).handOver, 3}, {(*world).takeOver, 1},
}

func (w *world) wait() {
	w.pass([]time.Duration{time.Second / 100, time.Second / 20, time.Second / 10, time.Second / 3}[w.IntN(4)])
}

func (w *world) waitLong() {
	w.pass([]time.Duration{time.Second / 2, time.Second * 9 / 10, time.Second, time.Second * 13 / 10}[w.IntN(4)])
}

func (w *world) anyNode() *member { return w.nodes[w.IntN(len(w.nodes))] }

// anyAwake is a node that does something now, or nil.
func (w *world) anyAwake() *member {
	if m := w.anyNode(); !m.paused {
		return m
	}
	return nil
}

// anyLeading is a node that is awake and believes that it leads, or nil.
func (w *world) anyLeading() *member {
	for _, n := range w.Perm(len(w.nodes)) {
		if m := w.nodes[n]; !m.paused && m.leases.leading {
			return m
		}
	}
	return nil
}

func (w *world) anyClient() *client { return w.clients[w.IntN(len(w.clients))] }

// draw picks something, mostly the newest, and takes it out unless it is to stay.
func draw[T any](w *world, of *[]T, stay bool) (picked T, ok bool) {
	if len(*of) == 0 {
		return picked, false
	}
	n := len(*of) - 1
	if w.IntN(3) == 0 {
		n = w.IntN(len(*of))
	}
	picked = (*of)[n]
	if !stay {
		*of = slices.Delete(*of, n, n+1)
	}
	return picked, true
}

// put puts an entry into the log of whoever leads, if it can.
func (w *world) put(e *entry) bool {
	if w.leader == nil || w.leader.paused {
		return false
	}
	e.term = w.term
	w.log = append(w.log, e)
	return true
}

func (w *world) register() {
	c := w.anyClient()
	i := registry.Instance{Service: "s", ID: c.id, Address: "10.0.0.7", Port: 80 + w.IntN(2),
		Lease: &registry.Lease{TTL: registry.Duration(c.ttl), DeregisterAfter: registry.Duration(c.reap)}}
	w.put(&entry{ops: []registry.Operation{registry.Register{Instance: i.Normalize()}}, sent: w.now})
}

func (w *world) deregister() {
	w.put(&entry{ops: []registry.Operation{registry.Deregister{Service: "s", ID: w.anyClient().id}}})
}

func (w *world) restore() { w.put(&entry{restore: true}) }

func (w *world) send() {
	w.mail = append(w.mail, &heartbeat{of: w.anyClient(), via: w.anyNode().name, sent: w.now})
}

// deliver brings a heartbeat to a node, perhaps once more.
func (w *world) deliver() {
	m := w.anyLeading()
	if m == nil {
		return
	}
	h, ok := draw(w, &w.mail, w.IntN(4) == 0)
	if !ok {
		return
	}
	beats := []Beat{{Service: "s", ID: h.of.id}}
	term, _ := m.leases.Beat(h.via, beats)
	if term == 0 {
		w.mail = append(w.mail, h)
		return
	}
	w.trace("%s notes in term %d a heartbeat of %s sent at %s: %d", m.name, term, h.of.id, h.sent, beats[0].Outcome)
	switch beats[0].Outcome {
	case Renewed:
		m.noted[h.of.id], m.via[h.of.id] = m.awake, h.via
		delete(m.silent, h.of.id)
		w.acks = append(w.acks, &ack{heartbeat: *h, by: m, leases: m.leases, term: term})
	case Expired:
		w.decisions = append(w.decisions, &decision{by: m, leases: m.leases, term: term, ops: []registry.Operation{beats[0].Revival(h.via)}})
		w.mail = append(w.mail, h)
	case Pending:
		w.mail = append(w.mail, h)
	case Unknown:
	}
}

// exchange is a heartbeat that meets no delay.
func (w *world) exchange() {
	w.send()
	w.deliver()
	w.confirm()
	w.acknowledge()
}

// confirm is the round after a heartbeat was noted. One that fails may be tried again for as long as its node waits.
func (w *world) confirm() {
	a, ok := draw(w, &w.acks, true)
	if !ok || a.by.paused {
		return
	}
	leads := a.by == w.leader && a.leases == a.by.leases
	if leads && a.term == w.term || leads && w.down == sameTerm || w.down == freshRound {
		a.confirmed = true
	}
}

// acknowledge has a client hear that its heartbeat counts.
func (w *world) acknowledge() {
	a, ok := draw(w, &w.acks, true)
	if !ok || !a.confirmed || a.by.paused || a.leases != a.by.leases {
		return
	}
	w.acks = slices.DeleteFunc(w.acks, func(other *ack) bool { return other == a })
	c := a.of
	w.trace("%s acknowledges the heartbeat of %s sent at %s", a.by.name, c.id, a.sent)
	if a.sent <= c.restored || w.now >= a.sent+c.ttl {
		return
	}
	i, err := w.state().Instance("s", c.id)
	if err == nil && i.Expired && i.LeaseIndex == c.shownAs {
		return // A restore that this leader has not applied yet; the next heartbeat revives it.
	}
	if err != nil && c.reaped || err == nil && i.Expired {
		w.fail("a heartbeat of %s sent at %s is acknowledged at %s, and it is expired", c.id, a.sent, w.now)
	}
	if err == nil {
		c.until = max(c.until, a.sent+c.ttl)
	}
}

// propose has a node propose what it has decided, perhaps long ago.
func (w *world) propose() {
	d, ok := draw(w, &w.decisions, true)
	if !ok || d.entry != nil || d.by.paused || d.leases != d.by.leases {
		return
	}
	if d.by != w.leader || w.IntN(8) == 0 {
		w.settle(d, w.IntN(2) == 0)
		return
	}
	d.entry = &entry{writeTerm: d.term, ops: d.ops}
	w.put(d.entry)
	w.trace("%s proposes in term %d what it decided in %d", d.by.name, w.term, d.term)
}

// settle tells a node what became of what it has proposed.
func (w *world) settle(d *decision, refused bool) {
	w.trace("%s hears of what it decided in term %d: refused %t", d.by.name, d.term, refused)
	d.leases.Settle(d.term, d.ops, refused || w.down == unknownOnes)
	w.decisions = slices.DeleteFunc(w.decisions, func(other *decision) bool { return other == d })
}

// giveUp is a node that has waited too long for an answer.
func (w *world) giveUp() {
	d, ok := draw(w, &w.decisions, true)
	if ok && d.entry != nil && !d.by.paused && d.leases == d.by.leases {
		w.settle(d, false)
	}
}

func (w *world) agree() {
	for n := w.IntN(4); n >= 0 && w.leader != nil && !w.leader.paused && w.committed < len(w.log); n-- {
		w.commit()
	}
}

// apply brings a node forward.
func (w *world) apply() {
	if m := w.anyAwake(); m != nil && m.applied < w.committed {
		w.applyTo(m, m.applied+1+w.IntN(w.committed-m.applied))
	}
}

func (w *world) applyTo(m *member, committed int) {
	for ; m.applied < committed; m.applied++ {
		e := w.log[m.applied]
		if e.restore {
			m.leases.Replaced(e.state)
			m.hear()
		} else {
			m.leases.Applied(slices.Values(e.changes))
		}
		for _, change := range e.changes {
			if change.New != nil && (change.Old == nil || change.Old.LeaseIndex != change.New.LeaseIndex) {
				m.noted[change.New.ID] = m.awake
				delete(m.via, change.New.ID)
				delete(m.silent, change.New.ID)
			}
		}
		for _, d := range slices.Clone(w.decisions) {
			if d.entry == e && d.leases == m.leases {
				w.settle(d, e.term != e.writeTerm && w.down != termOfWrite)
			}
		}
	}
}

// lead has the leader see that it is one.
func (w *world) lead() {
	if m := w.leader; m != nil && !m.paused && m.leases.term < w.term {
		w.applyTo(m, w.committed)
		m.leases.Lead(w.term)
		m.hear()
		w.trace("%s leads in term %d", m.name, w.term)
	}
}

// unseat has a node see that it leads no more.
func (w *world) unseat() {
	if m := w.anyLeading(); m != nil && (m != w.leader || m.leases.term != w.term) {
		m.leases.Follow()
		w.trace("%s follows", m.name)
	}
}

// elect has some node win an election, the leader included. It may see so at once.
func (w *world) elect() {
	m := w.anyAwake()
	if m == nil {
		return
	}
	w.seat(m)
	if w.IntN(2) == 0 {
		w.lead()
	}
}

// seat has a node win an election. What the last leader had not committed, it may have or not.
func (w *world) seat(m *member) {
	w.log = w.log[:w.committed+w.IntN(len(w.log)-w.committed+1)]
	w.term += 1 + uint64(w.IntN(4)/3)
	w.leader = m
	for w.committed < len(w.log) {
		w.commit()
	}
	w.trace("%s is elected for term %d", m.name, w.term)
}

// detour has another node lead for a while, of which the leader need not notice anything.
func (w *world) detour() {
	m := w.leader
	w.elect()
	w.lead()
	for range 1 + w.IntN(8) {
		[]func(*world){
			(*world).wait, (*world).waitLong, (*world).send, (*world).deliver, (*world).exchange, (*world).propose, (*world).agree,
		}[w.IntN(7)](w)
	}
	if m != nil && !m.paused && w.IntN(2) == 0 {
		w.seat(m)
	} else {
		w.elect()
	}
}

func (w *world) pauseOrWake() {
	m := w.anyNode()
	if !m.paused && w.IntN(2) == 0 {
		return
	}
	if m.paused {
		m.awake += min(w.now-m.since, longestStep)
	}
	m.paused, m.since = !m.paused, w.now
	w.trace("%s is paused: %t", m.name, m.paused)
}

// crash ends a node, which is back at once and knows nothing.
func (w *world) crash() {
	m := w.anyNode()
	if m == w.leader {
		w.leader = nil
	}
	w.start(m)
	m.paused = false
	w.trace("%s crashes", m.name)
}

// silence has a node hear that another one does not answer.
func (w *world) silence() {
	m, via := w.anyLeading(), w.anyNode().name
	if m == nil {
		return
	}
	m.leases.NodeSilent(via)
	for id, of := range m.via {
		if _, before := m.silent[id]; of == via && !before && m.leases.leading {
			m.silent[id] = m.awake
		}
	}
	w.trace("%s notices that %s is silent", m.name, via)
}

// handOver has a node tell the leader what it knows of the leases.
func (w *world) handOver() {
	if w.leader == nil {
		return
	}
	for _, n := range w.Perm(len(w.nodes)) {
		m := w.nodes[n]
		if m.paused || m == w.leader {
			continue
		}
		if ages, ok := m.leases.HandOver(w.term); ok {
			slices.SortFunc(ages, func(a, b Age) int { return strings.Compare(a.Lease.ID, b.Lease.ID) })
			w.told = append(w.told, &handover{to: w.leader, term: w.term, ages: ages})
			w.trace("%s hands over to %s: %v", m.name, w.leader.name, ages)
			break
		}
	}
	if w.IntN(2) == 0 {
		w.takeOver()
	}
}

func (w *world) takeOver() {
	h, ok := draw(w, &w.told, w.IntN(4) == 0)
	if !ok || h.to.paused {
		return
	}
	h.to.leases.TakeOver(h.term, h.ages)
	for _, age := range h.ages {
		delete(h.to.noted, age.Lease.ID)
	}
	w.trace("%s takes over", h.to.name)
}
