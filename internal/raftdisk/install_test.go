package raftdisk

import (
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
)

// divergent makes a node whose log has entries of term 1 that were never committed, and sends it the snapshot of term 2
// that ends in the middle of them.
func (v *voter) divergent() {
	v.t.Helper()
	if !v.append(1, 0, 0, 0, &raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(three("node-1"))}) ||
		!v.append(1, 1, 1, 1, entriesOf(1, 2, 10)...) {
		v.t.Fatal("the first entries are refused")
	}
	if err := v.install(2, 8, 2, "the state at 8"); err != nil {
		v.t.Fatal(err)
	}
}

// F8: this is what hashicorp/raft does by itself. When it does not any more, the repair below can go.
func TestRaftAloneNeverGetsPastASnapshotOverADivergentTail(t *testing.T) {
	store := raft.NewInmemStore()
	address, transport := raft.NewInmemTransport("node-1")
	_, peer := raft.NewInmemTransport("node-2")
	peer.Connect(address, transport)
	config := patient("node-1")
	config.Logger = hclog.NewNullLogger()
	r, err := raft.NewRaft(config, newMachine(), store, store, raft.NewInmemSnapshotStore(), transport)
	if err != nil {
		t.Fatal(err)
	}
	v := &voter{t: t, raft: r, address: address, peer: peer}
	defer v.stop()
	v.divergent()
	for range 3 {
		if v.append(2, 8, 2, 9, entriesOf(2, 9, 9)...) {
			t.Fatal("the entry after the snapshot was taken: hashicorp/raft has mended it")
		}
		if err := v.install(2, 8, 2, "the state at 8"); err != nil {
			t.Fatal(err)
		}
	}
}

// Here the process ends with a line, and the next start drops the tail and follows.
func TestANodeWithADivergentTailEndsAndFollowsAfterARestart(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	m := newMachine()
	v := p.startRaft(d, m)
	v.divergent()
	wantLine(t, p.awaitFailure(), ErrDivergent, "entry 8 is of term 1, there of 2", "this process ends, and the next start drops them")
	if restored := m.snapshots(); len(restored) != 1 || restored[0] != "the state at 8" {
		t.Errorf("restored: %q", restored)
	}
	v.stop()
	p.close(d)

	d = p.open()
	fromCheckpoint, err := d.Settle(8)
	if err != nil || !fromCheckpoint {
		t.Fatal(fromCheckpoint, err)
	}
	m = newMachine()
	v = p.startRaft(d, m, func(c *raft.Config) { c.NoSnapshotRestoreOnStart = true })
	if !v.append(2, 8, 2, 9, entriesOf(2, 9, 9)...) {
		t.Error("the entry after the snapshot is refused")
	}
	eventually.Succeeds(t, patience, func() error {
		if entries := m.entries(); len(entries) != 1 || entries[0] != "2/9" {
			return errors.New("it was not applied")
		}
		return nil
	})
	v.stop()
	p.close(d)
}

// A snapshot that does not contradict the log, or ends behind it, is taken as ever.
func TestAnInstalledSnapshotThatFitsIsNoFailure(t *testing.T) {
	for name, index := range map[string]uint64{"in the middle of the log": 8, "behind the log": 50} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			d := p.open()
			v := p.startRaft(d, newMachine())
			v.append(1, 0, 0, 0, &raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(three("node-1"))})
			v.append(1, 1, 1, 1, entriesOf(1, 2, 10)...)
			for range 2 * sameInstalls {
				if err := v.install(2, index, 1, "the state"); err != nil {
					t.Fatal(err)
				}
			}
			last := max(index, 10)
			if !v.append(2, last, 1, last, entriesOf(2, last+1, last+1)...) {
				t.Error("the next entry is refused")
			}
			v.stop()
			p.close(d)
			if err := p.failure(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Where the log has no entry at the snapshot's index it can't be told whether the rest of it is divergent, but from the
// leader's sending the same again and again.
func TestASnapshotThatComesAgainAndAgainForNothingEndsTheNode(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) {
		p.snapshot(d, 8, 2)
		p.append(d, entriesOf(2, 9, 12)...)
	})
	d := p.open()
	v := p.startRaft(d, newMachine())
	for range sameInstalls {
		if p.failure() != nil {
			t.Fatalf("too early: %v", p.failure())
		}
		if v.append(3, 8, 2, 8, entriesOf(3, 9, 9)...) {
			t.Fatal("hashicorp/raft knows now what comes before the first entry of its log")
		}
		if err := v.install(3, 8, 2, "the state at 8"); err != nil {
			t.Fatal(err)
		}
	}
	wantLine(t, p.awaitFailure(), ErrDamaged, "ends at 8", "goes on to 12", "let it join again")
	v.stop()
	p.close(d)
}

// F6: a crash between the moment when a snapshot is on the disk and the one when it is restored. The snapshot's index says
// nothing about what the node has applied; only the checkpoint does.
func TestASnapshotThatWasNeverRestoredIsRestoredAtTheStart(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	m := newMachine()
	v := p.startRaft(d, m)
	v.append(1, 0, 0, 0, &raft.Log{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(three("node-1"))})
	v.append(1, 1, 1, 5, entriesOf(1, 2, 5)...)
	p.snapshot(d, 20, 2) // as Raft does before it has the machine restore it
	v.stop()             // and here the process was killed
	p.close(d)

	d = p.open()
	fromCheckpoint, err := d.Settle(5)
	if err != nil || fromCheckpoint {
		t.Fatalf("it begins with the checkpoint: %v, %v", fromCheckpoint, err)
	}
	m = newMachine()
	v = p.startRaft(d, m, func(c *raft.Config) { c.NoSnapshotRestoreOnStart = fromCheckpoint })
	if restored := m.snapshots(); len(restored) != 1 || restored[0] != "20" {
		t.Errorf("restored: %q", restored)
	}
	if !v.append(2, 20, 2, 20) {
		t.Error("the leader's heartbeat is refused")
	}
	v.stop()
	p.close(d)
}

// A snapshot that the state machine refuses, for a newer format perhaps, must not be followed by an older one without a word.
func TestASnapshotThatCannotBeRestoredRefusesTheStart(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) {
		p.append(d, entriesOf(1, 1, 9)...)
		p.snapshot(d, 4, 1)
		p.snapshot(d, 8, 1)
	})
	d := p.open()
	m := newMachine()
	m.refuses = errors.New("restore a snapshot: it has format 9")
	_, err := p.tryRaft(d, m)
	wantLine(t, err, m.refuses, "it has format 9")
	p.close(d)
}

func TestASnapshotFromTheLeaderThatCannotBeRestoredEndsTheNode(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	m := newMachine()
	v := p.startRaft(d, m)
	m.mu.Lock()
	m.refuses = errors.New("restore a snapshot: it has format 9")
	m.mu.Unlock()
	if err := v.install(2, 8, 2, "the state at 8"); err == nil {
		t.Error("the leader is told that it was restored")
	}
	wantLine(t, p.awaitFailure(), m.refuses)
	v.stop()
	p.close(d)
}
