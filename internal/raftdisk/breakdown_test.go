package raftdisk

import (
	"errors"
	"io"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
)

// errDisk is what a disk says that has failed.
var errDisk = errors.New("input/output error")

// badDisk fails from some moment on, once: what is written after that succeeds again, as on Linux after an fsync that has
// failed.
type badDisk struct {
	raft.LogStore
	raft.StableStore
	fails  atomic.Bool
	writes atomic.Int32 // since it has failed
}

// spoil puts a bad disk under the storage.
func spoil(d *Disk) *badDisk {
	b := &badDisk{LogStore: d.bolt, StableStore: d.bolt}
	d.entries.bolt, d.ledger.bolt = b, b
	return b
}

func (b *badDisk) write(f func() error) error {
	if b.fails.CompareAndSwap(true, false) {
		b.writes.Store(0)
		return errDisk
	}
	b.writes.Add(1)
	return f()
}

func (b *badDisk) StoreLogs(entries []*raft.Log) error {
	return b.write(func() error { return b.LogStore.StoreLogs(entries) })
}

func (b *badDisk) DeleteRange(first, last uint64) error {
	return b.write(func() error { return b.LogStore.DeleteRange(first, last) })
}

func (b *badDisk) Set(key, value []byte) error {
	return b.write(func() error { return b.StableStore.Set(key, value) })
}

// After the first write that has failed nothing is written any more, and the node is told once.
func TestTheFirstFailedWriteIsTheLast(t *testing.T) {
	writes := map[string]func(d *Disk) error{
		"append an entry": func(d *Disk) error { return d.Log().StoreLogs(entriesOf(1, 1, 3)) },
		"delete entries":  func(d *Disk) error { return d.Log().DeleteRange(1, 3) },
		"write the term":  func(d *Disk) error { return d.ledger.SetUint64(keyTerm, 9) },
		"write the vote": func(d *Disk) error {
			stable := d.Stable()
			return errors.Join(stable.SetUint64(keyVoteTerm, 9), stable.Set(keyVoteCandidate, []byte("node-2")))
		},
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			d := p.open()
			disk := spoil(d)
			disk.fails.Store(true)
			if err := write(d); !errors.Is(err, errDisk) {
				t.Fatalf("the error is %v", err)
			}
			for other, write := range writes {
				if err := write(d); !errors.Is(err, errDisk) {
					t.Errorf("after that, to %s gives %v", other, err)
				}
			}
			if n := disk.writes.Load(); n > 0 {
				t.Errorf("%d more writes have reached the disk", n)
			}
			wantLine(t, p.failure(), errDisk, p.path("raft.db"))
			if len(p.failed) != 1 {
				t.Errorf("the node was told %d times", len(p.failed))
			}
			p.close(d)
		})
	}
}

// A leader whose log can't be written steps down by itself, and would go on as a follower.
func TestALeaderThatCannotWriteItsLogEnds(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	disk := spoil(d)
	v := p.startRaft(d, newMachine(), func(c *raft.Config) {
		c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	})
	if err := v.raft.BootstrapCluster(alone(p.id)).Error(); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, patience, func() error { return v.raft.Apply([]byte("well"), time.Second).Error() })
	disk.fails.Store(true)
	if err := v.raft.Apply([]byte("ill"), time.Second).Error(); err == nil {
		t.Error("the entry was acknowledged")
	}
	wantLine(t, p.awaitFailure(), errDisk, p.path("raft.db"))
	v.stop()
	p.close(d)
}

func TestAFollowerThatCannotWriteItsLogAcknowledgesNothingMore(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	disk := spoil(d)
	v := p.startRaft(d, newMachine())
	if !v.append(1, 0, 0, 0, entriesOf(1, 1, 2)...) {
		t.Fatal("the first entries are refused")
	}
	disk.fails.Store(true)
	for range 3 {
		if v.append(1, 2, 1, 0, entriesOf(1, 3, 3)...) {
			t.Error("an entry was acknowledged that could not be written")
		}
	}
	wantLine(t, p.failure(), errDisk)
	v.stop()
	p.close(d)
}

// Raft panics where its term can't be written. Here only its goroutine ends.
func TestATermThatCannotBeWrittenEndsTheNodeWithoutAPanic(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	disk := spoil(d)
	v := p.startRaft(d, newMachine())
	disk.fails.Store(true)
	if v.append(4, 0, 0, 0, entriesOf(4, 1, 2)...) {
		t.Error("the leader of a term that could not be written is followed")
	}
	wantLine(t, p.awaitFailure(), errDisk, "term and vote")
	v.stop()
	p.close(d)
}

// Raft panics where an entry that it must apply can't be read.
func TestAnEntryThatCannotBeReadEndsTheNodeWithoutAPanic(t *testing.T) {
	p := newPlace(t)
	d := p.open()
	m := newMachine()
	v := p.startRaft(d, m)
	if !v.append(1, 0, 0, 1, entriesOf(1, 1, 2000)...) { // more than stay in memory
		t.Fatal("the entries are refused")
	}
	entry := sealed(entriesOf(1, 3, 3)[0])
	entry.Data[0] ^= 1
	if err := d.bolt.StoreLog(entry); err != nil {
		t.Fatal(err)
	}
	_ = v.append(1, 2000, 1, 2000)
	wantLine(t, p.awaitFailure(), ErrDamaged, "entry 3", "let it join again")
	for _, applied := range m.entries() {
		if applied == string(entry.Data) {
			t.Error("the damaged entry was applied")
		}
	}
	v.stop()
	p.close(d)
}

// badSink is a snapshot on a disk that has failed.
type badSink struct {
	raft.SnapshotSink
	err error
}

func (s badSink) Write([]byte) (int, error) { return 0, s.err }
func (s badSink) Close() error              { return errors.Join(s.err, s.Cancel()) }

// A snapshot that can't be written ends the node, but for lack of room alone it is only given up.
func TestASnapshotThatCannotBeWritten(t *testing.T) {
	uses := map[string]func(s raft.SnapshotSink) error{
		"its content": func(s raft.SnapshotSink) error {
			_, err := io.WriteString(s, "content")
			return errors.Join(err, s.Cancel())
		},
		"its end": raft.SnapshotSink.Close,
	}
	for _, c := range []struct {
		err  error
		ends bool
	}{{errDisk, true}, {syscall.ENOSPC, false}, {syscall.EDQUOT, false}} {
		for name, use := range uses {
			t.Run(name+": "+c.err.Error(), func(t *testing.T) {
				p := newPlace(t)
				d := p.open()
				good, err := d.snapshots.files.Create(1, 8, 1, alone(p.id), 1, inmem(t))
				if err != nil {
					t.Fatal(err)
				}
				if err := use(&sink{SnapshotSink: badSink{good, c.err}, store: d.snapshots}); !errors.Is(err, c.err) {
					t.Errorf("the error is %v", err)
				}
				if p.failure() != nil != c.ends {
					t.Errorf("the node was told of %v", p.failure())
				}
				if metas, err := d.Snapshots().List(); len(metas) > 0 || err != nil {
					t.Errorf("there are %d snapshots, %v", len(metas), err)
				}
				p.close(d)
			})
		}
	}
}

func TestTheFirstReasonIsKeptAndToldOnce(t *testing.T) {
	var told []error
	b := &breakdown{report: func(err error) { told = append(told, err) }}
	first, second := errors.New("first"), errors.New("second")
	if b.of(nil) != nil || b.happened() {
		t.Error("no error counts as one")
	}
	for _, err := range []error{first, second} {
		if got := b.of(err); !errors.Is(got, err) {
			t.Errorf("of %v it makes %v", err, got)
		}
	}
	if !errors.Is(b.reason(), first) || len(told) != 1 || !errors.Is(told[0], first) {
		t.Errorf("the reason is %v, told were %v", b.reason(), told)
	}
}
