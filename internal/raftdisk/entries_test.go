package raftdisk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/raft"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

func TestEveryEntryComesBackAsItWas(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	defer p.close(d)
	rapid.Check(t, func(t *rapid.T) {
		entry := raft.Log{
			Index: rapid.Uint64Range(1, 1<<40).Draw(t, "index"), Term: rapid.Uint64().Draw(t, "term"),
			Type:       raft.LogType(rapid.Byte().Draw(t, "type")),
			Data:       rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
			Extensions: rapid.SliceOf(rapid.Byte()).Draw(t, "extensions"),
		}
		if rapid.Bool().Draw(t, "has a time") {
			entry.AppendedAt = time.Unix(rapid.Int64Range(0, 1<<35).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanoseconds"))
		}
		given := entry
		if err := d.Log().StoreLog(&given); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entry, given, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("Raft's own entry was changed:\n%s", diff)
		}
		var got raft.Log
		if err := d.Log().GetLog(entry.Index, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(entry, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the entry (-stored +read):\n%s", diff)
		}
	})
}

// Each of these is a good record of bbolt's and of msgpack's.
func TestAnEntryThatIsNotWhatWasStoredStopsTheNode(t *testing.T) {
	for name, tamper := range map[string]func(entry *raft.Log){
		"the index":      func(e *raft.Log) { e.Index++ },
		"the term":       func(e *raft.Log) { e.Term ^= 4 },
		"the type":       func(e *raft.Log) { e.Type = raft.LogNoop },
		"the data":       func(e *raft.Log) { e.Data[0] ^= 1 },
		"less data":      func(e *raft.Log) { e.Data = e.Data[:1] },
		"the time":       func(e *raft.Log) { e.AppendedAt = e.AppendedAt.Add(1) },
		"the checksum":   func(e *raft.Log) { e.Extensions[0] ^= 1 },
		"no checksum":    func(e *raft.Log) { e.Extensions = nil },
		"half of it":     func(e *raft.Log) { e.Extensions = e.Extensions[:2] },
		"data moved":     func(e *raft.Log) { e.Extensions = append(e.Data[1:], e.Extensions...); e.Data = e.Data[:1] },
		"an entry moved": func(e *raft.Log) { *e = *sealed(entriesOf(2, 6, 6)[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			d := p.open()
			p.append(d, entriesOf(2, 1, 9)...)
			entry := sealed(entriesOf(2, 5, 5)[0])
			tamper(entry)
			if err := d.bolt.StoreLog(entry); err != nil {
				t.Fatal(err)
			}
			p.close(d)
			if entry.Index != 5 {
				p.copyEntry(entry.Index, 5)
			}
			d = p.open()

			var got raft.Log
			err := d.Log().GetLog(5, &got)
			wantLine(t, err, ErrDamaged, "entry 5", p.path("raft.db"), "let it join again")
			if !errors.Is(p.failure(), ErrDamaged) {
				t.Errorf("the node was told of %v", p.failure())
			}
			if err := d.Log().GetLog(4, &got); err == nil {
				t.Error("the log still gives entries")
			}
			if err := d.Log().StoreLogs(entriesOf(2, 10, 10)); err == nil {
				t.Error("the log still takes entries")
			}
			p.close(d)
		})
	}
}

// copyEntry puts the bytes of one entry into the place of another.
func (p *place) copyEntry(from, to uint64) {
	p.t.Helper()
	db, err := bbolt.Open(p.path("raft.db"), 0o600, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	key := func(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }
	err = db.Update(func(tx *bbolt.Tx) error {
		logs := tx.Bucket([]byte("logs"))
		return logs.Put(key(to), bytes.Clone(logs.Get(key(from))))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		p.t.Fatal(err)
	}
}

func TestAnEntryThatIsNotThereIsNoFailure(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) {
		p.append(d, entriesOf(2, 5, 9)...)
		for _, index := range []uint64{0, 4, 10} {
			if err := d.Log().GetLog(index, new(raft.Log)); err != raft.ErrLogNotFound { //nolint:errorlint // as Raft compares it
				t.Errorf("entry %d: %v", index, err)
			}
		}
	})
	if p.failure() != nil {
		t.Error(p.failure())
	}
}
