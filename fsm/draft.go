package fsm

import (
	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// draft is a position in the making: entries are applied to it one by one, and readers see what comes of all of them.
type draft struct {
	from   *position
	edit   *registry.Edit
	term   uint64
	hash   record.Hash // with the changes counted below
	hashed int
}

// draft begins where the machine stands.
func (m *Machine) draft() *draft {
	from := m.position.Load()
	return &draft{from: from, edit: from.state.Edit(), term: from.term, hash: from.hash}
}

// end brings the term and the hash up to an entry that was applied.
func (d *draft) end(entry *raft.Log) {
	d.term = entry.Term
	for change := range d.edit.ChangesFrom(d.hashed) {
		if change.Old != nil {
			d.hash.Remove(change.Old)
		}
		if change.New != nil {
			d.hash.Add(change.New)
		}
		d.hashed++
	}
}

func (d *draft) position() *position {
	return &position{state: d.edit.Commit(), term: d.term, hash: d.hash, staging: d.from.staging}
}
