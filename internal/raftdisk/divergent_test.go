package raftdisk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/internal/eventually"
)

// The entry that a snapshot ends with is damaged, or the last one of the log. What the snapshot has the log may lose, and
// what follows from it the node must keep; where it can't be told what follows, the start is refused.
func TestADamagedEntryAtTheSnapshotsEnd(t *testing.T) {
	const snapshot, term = 6, 2
	for name, c := range map[string]struct {
		log     []*raft.Log
		damaged []uint64
		left    bounds
		refused string // what it names, empty if it is not refused
	}{
		"the last entry is the snapshot's": {
			log: entriesOf(2, 1, 6), damaged: []uint64{6},
		},
		"the last entry is in the snapshot": {
			log: entriesOf(2, 1, 5), damaged: []uint64{5},
		},
		"the last entry is in the snapshot, and so is a damaged one before it": {
			log: entriesOf(2, 1, 6), damaged: []uint64{3, 6},
		},
		"the last entry is behind the snapshot": {
			log: entriesOf(2, 1, 7), damaged: []uint64{7}, refused: "entry 7",
		},
		"what follows is of the snapshot's term": {
			log: entriesOf(2, 1, 9), damaged: []uint64{6}, left: bounds{7, 9, 2},
		},
		"what follows is of the snapshot's term, and then of a later one": {
			log: append(entriesOf(2, 1, 7), entriesOf(3, 8, 9)...), damaged: []uint64{6}, left: bounds{7, 9, 3},
		},
		"what follows is of an earlier term": {
			log: entriesOf(1, 1, 9), damaged: []uint64{6},
		},
		"what follows is of an earlier term, and then of a later one": {
			log: append(entriesOf(1, 1, 7), entriesOf(3, 8, 9)...), damaged: []uint64{6},
		},
		"what follows is of a later term": {
			log: append(entriesOf(2, 1, 6), entriesOf(3, 7, 9)...), damaged: []uint64{6}, refused: "entry 6",
		},
		"what follows is damaged too": {
			log: entriesOf(2, 1, 9), damaged: []uint64{6, 7}, refused: "entry 6",
		},
	} {
		for how, end := range map[string]func(*place, *Disk){
			"closed": (*place).close,
			"killed": func(p *place, d *Disk) {
				if err := d.release(); err != nil {
					p.t.Fatal(err)
				}
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				p := newPlace(t)
				d := p.open()
				p.append(d, c.log...)
				p.snapshot(d, snapshot, term)
				end(p, d)
				p.damage(c.damaged...)
				d, err := p.try()
				if err == nil {
					defer p.close(d)
					_, err = d.Settle(snapshot)
				}
				if c.refused != "" {
					wantLine(t, err, ErrDamaged, c.refused, "let it join again")
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if log, err := d.bounds(); log != c.left || err != nil {
					t.Errorf("the log has %s, %v", log, err)
				}
				if err := p.failure(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// damage changes a bit of entries behind the back of a storage that is closed.
func (p *place) damage(indexes ...uint64) {
	p.t.Helper()
	db, err := bbolt.Open(p.path("raft.db"), 0o600, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		logs := tx.Bucket([]byte("logs"))
		for _, index := range indexes {
			key := binary.BigEndian.AppendUint64(nil, index)
			entry := bytes.Clone(logs.Get(key))
			entry[len(entry)-1] ^= 1
			if err := logs.Put(key, entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		p.t.Fatal(err)
	}
}

// A node that has lost what its snapshot has follows its leader, with all that it has acknowledged behind the snapshot.
func TestANodeWhoseSnapshotsLastEntryWasDamagedFollows(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) {
		p.append(d, entriesOf(2, 1, 9)...)
		p.snapshot(d, 6, 2)
	})
	p.damage(6)
	d := p.open()
	defer p.close(d)
	if _, err := d.Settle(6); err != nil {
		t.Fatal(err)
	}
	m := newMachine()
	v := p.startRaft(d, m, func(c *raft.Config) { c.NoSnapshotRestoreOnStart = true })
	defer v.stop()
	if !v.append(3, 9, 2, 10, entriesOf(3, 10, 10)...) {
		t.Error("the entry after the last is refused")
	}
	eventually.Succeeds(t, patience, func() error {
		if n := len(m.entries()); n != 4 {
			return errors.New("not all entries behind the snapshot have come")
		}
		return nil
	})
}
