package raftdisk

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
)

// The table of starts: what the checkpoint stands for, what the log holds, which snapshots there are, and what comes of it.
func TestWhatAStartBeginsWith(t *testing.T) {
	type snapshot struct{ index, term uint64 }
	for name, start := range map[string]struct {
		applied   uint64
		log       []*raft.Log
		snapshots []snapshot
		restores  bool  // the snapshot, rather than to go on from the checkpoint
		refused   error // or neither
		says      string
		logIsGone bool
	}{
		"a new node":                                     {},
		"a checkpoint and a log":                         {applied: 5, log: entriesOf(1, 1, 9)},
		"a checkpoint at the end of the log":             {applied: 9, log: entriesOf(1, 1, 9)},
		"no checkpoint, but all of the log":              {log: entriesOf(1, 1, 9)},
		"a checkpoint and an older snapshot":             {applied: 8, log: entriesOf(1, 3, 9), snapshots: []snapshot{{6, 1}}},
		"a checkpoint at the snapshot":                   {applied: 6, log: entriesOf(1, 3, 9), snapshots: []snapshot{{6, 1}}},
		"a checkpoint behind the snapshot":               {applied: 5, log: entriesOf(1, 3, 9), snapshots: []snapshot{{6, 1}}, restores: true},
		"no checkpoint, but a snapshot":                  {log: entriesOf(1, 7, 9), snapshots: []snapshot{{6, 1}}, restores: true},
		"a checkpoint at a snapshot without a log":       {applied: 6, snapshots: []snapshot{{6, 1}}},
		"a snapshot that was taken but not restored":     {applied: 5, log: entriesOf(1, 1, 5), snapshots: []snapshot{{20, 2}}, restores: true},
		"a snapshot behind which the log goes on":        {applied: 22, log: append(entriesOf(1, 1, 5), entriesOf(2, 21, 23)...), snapshots: []snapshot{{20, 2}}},
		"the newest of two snapshots counts":             {applied: 7, log: entriesOf(1, 1, 9), snapshots: []snapshot{{4, 1}, {8, 1}}, restores: true},
		"a log of another term at the snapshot":          {applied: 8, log: entriesOf(1, 2, 10), snapshots: []snapshot{{8, 2}}, logIsGone: true},
		"the same, and the checkpoint is behind":         {applied: 3, log: entriesOf(1, 2, 10), snapshots: []snapshot{{8, 2}}, logIsGone: true, restores: true},
		"a log that ends before the snapshot is no harm": {applied: 8, log: entriesOf(1, 2, 7), snapshots: []snapshot{{8, 2}}},

		"a checkpoint ahead of the log":             {applied: 10, log: entriesOf(1, 1, 9), refused: ErrLost, says: "stands at index 10"},
		"a checkpoint ahead of log and snapshot":    {applied: 10, log: entriesOf(1, 5, 9), snapshots: []snapshot{{8, 1}}, refused: ErrLost, says: "the entries 5 to 9"},
		"a checkpoint and nothing else":             {applied: 1, refused: ErrLost, says: "no entry"},
		"a checkpoint ahead of a divergent log":     {applied: 9, log: entriesOf(1, 1, 9), snapshots: []snapshot{{8, 2}}, refused: ErrLost, says: "no entry"},
		"a gap between the snapshot and the log":    {applied: 9, log: entriesOf(1, 8, 9), snapshots: []snapshot{{6, 1}}, refused: ErrGap, says: "ends at 6"},
		"a log without its beginning":               {applied: 9, log: entriesOf(1, 2, 9), refused: ErrGap, says: "the entries 2 to 9"},
		"a log without its beginning or checkpoint": {log: entriesOf(1, 2, 9), refused: ErrGap},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.with(func(d *Disk) {
				p.append(d, start.log...)
				for _, s := range start.snapshots {
					p.snapshot(d, s.index, s.term)
				}
			})
			d := p.open()
			defer p.close(d)
			fromCheckpoint, err := d.Settle(start.applied)
			if start.refused != nil {
				wantLine(t, err, start.refused, start.says, "remove it from the cluster, empty its data directory and let it join again")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if fromCheckpoint == start.restores {
				t.Errorf("it begins with the checkpoint: %v", fromCheckpoint)
			}
			log, err := d.bounds()
			if gone := log.Last == 0; err != nil || gone != (start.logIsGone || len(start.log) == 0) {
				t.Errorf("the log has %s, %v", log, err)
			}
		})
	}
}

// What Raft goes on from, when it does: the entries after the snapshot, and the configuration.
func TestRaftGoesOnFromWhatWasSettled(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) {
		p.append(d, entriesOf(1, 1, 9)...)
		p.snapshot(d, 6, 1)
	})
	for _, start := range []struct {
		applied  uint64
		restored int
	}{{6, 0}, {2, 1}} {
		d := p.open()
		fromCheckpoint, err := d.Settle(start.applied)
		if err != nil {
			t.Fatal(err)
		}
		m := newMachine()
		v := p.startRaft(d, m, func(c *raft.Config) { c.NoSnapshotRestoreOnStart = fromCheckpoint })
		if !v.append(1, 9, 1, 9) {
			t.Error("a heartbeat is refused")
		}
		eventually.Succeeds(t, patience, func() error {
			if n := len(m.entries()); n != 3 {
				return errors.New("not all entries have come")
			}
			return nil
		})
		if restored := m.snapshots(); len(restored) != start.restored {
			t.Errorf("from %d on it has restored %q", start.applied, restored)
		}
		v.stop()
		p.close(d)
	}
}

func TestAnEntryThatIsMissingInTheMiddleOfTheLogRefusesTheStart(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) {
		p.append(d, entriesOf(1, 1, 9)...)
		if err := d.Log().DeleteRange(4, 4); err != nil {
			t.Fatal(err)
		}
	})
	d := p.open()
	defer p.close(d)
	_, err := p.tryRaft(d, newMachine())
	wantLine(t, err, ErrDamaged, "entry 4 is missing", "let it join again")
}

func TestAnEntryThatIsDamagedRefusesTheStart(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) { p.append(d, entriesOf(1, 1, 9)...) })
	change(t, p.path("raft.db"), flipped(t, "1/4"))
	d := p.open()
	_, err := p.tryRaft(d, newMachine())
	wantLine(t, err, ErrDamaged, "entry 4", "checksum", "let it join again")
	p.close(d)
}

// What a snapshot stands for, the log need not have.
func TestADamagedEntryThatASnapshotStandsForIsDropped(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) {
		p.append(d, entriesOf(1, 1, 9)...)
		p.snapshot(d, 6, 1)
	})
	change(t, p.path("raft.db"), flipped(t, "1/2"))
	change(t, p.path("raft.db"), flipped(t, "1/4"))
	d := p.open()
	if _, err := d.Settle(9); err != nil {
		t.Fatal(err)
	}
	if log, err := d.bounds(); log != (bounds{5, 9, 1}) || err != nil {
		t.Errorf("the log has %s, %v", log, err)
	}
	if said := p.lines.String(); strings.Count(said, "index=2") != 1 || strings.Count(said, "index=4") != 1 {
		t.Errorf("it says:\n%s", said)
	}
	v := p.startRaft(d, newMachine())
	v.stop()
	p.close(d)
}

// The log of a node that was stopped in good order must be what it was.
func TestALogThatLostItsTailAfterItWasClosedIsRefused(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) { p.append(d, entriesOf(1, 1, 9)...) })
	d := p.open()
	if err := d.bolt.DeleteRange(9, 9); err != nil { // behind the back of the checksums
		t.Fatal(err)
	}
	if err := d.ledger.change(func(p *page) { p.Closed = &bounds{First: 1, Last: 9, Term: 1} }); err != nil {
		t.Fatal(err)
	}
	if err := d.release(); err != nil {
		t.Fatal(err)
	}
	p.wantRefusal(ErrDamaged, "was closed with the entries 1 to 9, of term 1, and has the entries 1 to 8")
}

// After a crash nothing is known of what the log should hold, and it is taken as it is.
func TestALogThatWasNotClosedIsTakenAsItIs(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	p.append(d, entriesOf(1, 1, 9)...)
	if err := d.release(); err != nil {
		t.Fatal(err)
	}
	p.with(func(d *Disk) {
		if log, err := d.bounds(); log != (bounds{1, 9, 1}) || err != nil {
			t.Errorf("the log has %s, %v", log, err)
		}
	})
}

func TestALogThatIsGoneIsNotBegunAnew(t *testing.T) {
	for name, lose := range map[string]func(path string) error{
		"removed": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			p := voted(t, 7, "node-2")
			if err := lose(p.path("raft.db")); err != nil {
				t.Fatal(err)
			}
			p.wantRefusal(ErrLost, p.path("raft.db"), "missing or empty", "let it join again")
			p.wantRefusal(ErrLost) // the next time too
		})
	}
}

func TestAnotherNodesLogIsRefused(t *testing.T) {
	p := voted(t, 7, "node-2")
	p.id = "node-9"
	p.wantRefusal(ErrForeign, "node-1", "node-9")
	p.known = false // it has lost node.json, and has got a new id
	p.wantRefusal(ErrForeign, "there is no node.json")
}

func TestSnapshotsWithoutAnIdentityAreRefused(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) { p.snapshot(d, 8, 1) })
	if err := os.Remove(p.path("raft.db")); err != nil {
		t.Fatal(err)
	}
	p.known, p.id = false, "node-2"
	p.wantRefusal(ErrForeign, "there is no node.json")
}

func TestWhatACrashInTheFirstStartHasLeftIsTakenOver(t *testing.T) {
	p := newPlace(t)
	p.with(func(*Disk) {})
	p.known, p.id = false, "node-2" // its identity was never written
	p.with(func(*Disk) {})
	if err := os.Truncate(p.path("raft.db"), 0); err != nil {
		t.Fatal(err)
	}
	p.known, p.id = false, "node-3"
	p.with(func(*Disk) {})
	p.with(func(*Disk) {})
}

func TestALogOfANewerFormatAsksForANewerMuster(t *testing.T) {
	p := voted(t, 7, "node-2")
	d := p.open()
	if err := d.ledger.change(func(p *page) { p.Format = ledgerFormat + 1 }); err != nil {
		t.Fatal(err)
	}
	p.close(d)
	p.wantRefusal(ErrNewerFormat, p.path("raft.db"), "format 2", "start a newer muster")
}

func TestALogFileThatIsTornIsRefused(t *testing.T) {
	p := newPlace(t)
	p.with(func(d *Disk) { p.append(d, entriesOf(1, 1, 500)...) })
	good, err := os.ReadFile(p.path("raft.db"))
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	for _, size := range []int{1, 100, page, 2 * page, 3 * page, 4*page + 1} {
		if err := os.WriteFile(p.path("raft.db"), good[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		p.wantRefusal(ErrDamaged, p.path("raft.db"), "let it join again")
	}
}
