package fsm

import (
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// draft is a position in the making: entries are applied to it one by one, and readers see what comes of all of them. What
// was drafted becomes the machine's position in any case: decided knows it already.
type draft struct {
	from     *position
	edit     *registry.Edit
	term     uint64
	hash     record.Hash // of the instances and of the staging, with the changes seen
	seen     int
	receipts store.Receipts
	decided  decided
	history  store.History
	trails   *trails
	commands int
}

// draft begins where the machine stands.
func (m *Machine) draft() *draft {
	from := m.position.Load()
	d := &draft{from: from, edit: from.state.Edit(), term: from.term, hash: from.hash, receipts: from.receipts, decided: m.decided, history: from.history, trails: &m.trails, commands: from.commands}
	d.hash.Leave(from.receipts.Hash())
	d.hash.Leave(from.history.Hash())
	return d
}

// apply applies the writes of an entry, and replies to each.
func (d *draft) apply(entry *raft.Log, c command) []reply {
	d.edit.SetIndex(entry.Index)
	d.commands = max(d.commands, c.version)
	replies := make([]reply, len(c.writes))
	for i, w := range c.writes {
		replies[i] = d.decide(entry, w)
	}
	d.term = entry.Term
	d.trails.mu.Lock()
	defer d.trails.mu.Unlock()
	for change := range d.edit.ChangesFrom(d.seen) {
		if change.Old != nil {
			d.hash.Remove(change.Old)
		}
		if change.New != nil {
			d.hash.Add(change.New)
		}
		d.note(entry, c, change)
		d.seen++
	}
	return replies
}

// errOtherTerm answers a leader's decision that came too late.
var errOtherTerm = fmt.Errorf("%w any more: the term in which this was decided is over", fault.ErrNoLeader)

// decide applies one write, unless one with its key was decided before, or its term is over.
func (d *draft) decide(entry *raft.Log, w Write) reply {
	if w.Term != 0 && w.Term != entry.Term {
		return reply{outcome: Outcome{Index: entry.Index}, err: errOtherTerm}
	}
	if receipt := d.decided.find(w.Key); receipt != nil {
		return d.recall(receipt, w)
	}
	results, err := d.edit.Apply(entry.Index, w.Operations...)
	r := reply{outcome: Outcome{Index: entry.Index, Results: results}, err: err}
	if w.Key != "" {
		d.remember(w, r)
	}
	return r
}

// wholeHash is the hash of all that is drafted.
func (d *draft) wholeHash() record.Hash {
	hash := d.hash
	hash.Join(d.receipts.Hash())
	hash.Join(d.history.Hash())
	return hash
}

func (d *draft) position() *position {
	return &position{state: d.edit.Commit(), term: d.term, hash: d.wholeHash(), staging: d.from.staging, receipts: d.receipts, history: d.history, commands: d.commands}
}
