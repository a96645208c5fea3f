package fsm

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// stateBytes is the whole state as a snapshot has it.
func stateBytes(t interface{ Fatal(args ...any) }, m *Machine) []byte {
	var b bytes.Buffer
	if err := writeSnapshot(&b, m.position.Load(), "test-cluster"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTwoMachinesThatApplyTheSameLogHoldTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawLog(t)
		one, other := newMachine(), newMachine()
		applyInBatches(t, one, entries)
		applyInBatches(t, other, entries)
		if !bytes.Equal(stateBytes(t, one), stateBytes(t, other)) {
			t.Fatal("the states differ")
		}
		if one.Image().Hash != other.Image().Hash {
			t.Fatal("the hashes differ")
		}
	})
}

func TestALogReplayedOverACheckpointGivesTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawLog(t)
		whole := newMachine()
		whole.ApplyBatch(entries)

		stopped := newMachine()
		stopped.ApplyBatch(entries[:rapid.IntRange(0, len(entries)).Draw(t, "checkpoint after")])
		restarted := NewMachine(throughFile(t, stopped.Image()), stopped.clusterID)
		applyInBatches(t, restarted, entries) // Raft shows the log from its own snapshot on, checkpoint or not

		if !bytes.Equal(stateBytes(t, whole), stateBytes(t, restarted)) {
			t.Fatal("the state after a restart differs")
		}
	})
}

// throughFile saves an image and loads it again.
func throughFile(t *rapid.T, image store.Image) store.Image {
	path := filepath.Join(tempDir(t), "state.db")
	open := func() (*store.Checkpoint, store.Image) {
		checkpoint, err := store.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := checkpoint.Load()
		if err != nil {
			t.Fatal(err)
		}
		return checkpoint, loaded
	}
	checkpoint, _ := open()
	if err := errors.Join(checkpoint.Save(image), checkpoint.Close()); err != nil {
		t.Fatal(err)
	}
	checkpoint, loaded := open()
	if err := checkpoint.Close(); err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestASnapshotRestoresTheSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawLog(t)
		one := newMachine()
		one.ApplyBatch(entries)
		written := stateBytes(t, one)

		other := newMachine()
		other.ApplyBatch(drawLog(t)) // whatever it held before
		if err := other.Restore(io.NopCloser(bytes.NewReader(written))); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(stateBytes(t, other), written) {
			t.Fatal("the restored state differs")
		}
	})
}

func TestASnapshotTakenBesideWritesIsTheStateOfItsMoment(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
	before := stateBytes(t, m)
	taken, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	mustApply(t, m, entryOf(2, writeOf(registry.Deregister{Service: "orders", ID: "i1"})))
	sink := &memorySink{}
	if err := taken.Persist(sink); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sink.Bytes(), before) || !sink.closed {
		t.Error("the snapshot is not the state at which it was taken")
	}
}

func TestNoSnapshotIsTakenBeforeTheReplayHasReachedTheCheckpoint(t *testing.T) {
	m := newMachine()
	first, second := entryOf(1, writeOf(registerOp("orders", "i1", "1"))), entryOf(2, writeOf(registerOp("orders", "i2", "1")))
	mustApply(t, m, first)
	mustApply(t, m, second)

	restarted := NewMachine(m.Image(), m.clusterID)
	restarted.Apply(first)
	if _, err := restarted.Snapshot(); !errors.Is(err, errReplaying) {
		t.Errorf("a snapshot in the middle of the replay: error %v", err)
	}
	restarted.Apply(second)
	if _, err := restarted.Snapshot(); err != nil {
		t.Errorf("no snapshot after the replay: %v", err)
	}
}

func TestADamagedSnapshotIsRefusedAndStopsTheNode(t *testing.T) {
	whole := stateBytes(t, inTheMiddleOfARestore(t))
	for at := range whole {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 1 << (at % 8)
		requireRefused(t, flipped)
		requireRefused(t, whole[:at])
	}
	requireRefused(t, append(bytes.Clone(whole), whole...))
	requireRefused(t, append(bytes.Clone(whole), 0))
}

// inTheMiddleOfARestore is a machine whose snapshot has records of every kind.
func inTheMiddleOfARestore(t testing.TB) *Machine {
	t.Helper()
	m := newMachine()
	backup := backupOf(t, populated(t, 1, 2))
	apply(t, m, 1, stepsOf("first", backup, 300)...)
	apply(t, m, 40, stepsOf("second", backup, 100)[:3]...)
	mustApply(t, m, entryOf(50, writeOf(registerOp("orders", "i1", "1"))))
	return m
}

func requireRefused(t *testing.T, damaged []byte) {
	t.Helper()
	m := newMachine()
	if err := m.Restore(io.NopCloser(bytes.NewReader(damaged))); err == nil {
		t.Fatal("a damaged snapshot was restored")
	}
	select {
	case <-m.Failed():
	default:
		t.Fatal("the node was not stopped, and Raft would go on as if the snapshot were restored")
	}
}

func TestAnEntryThatCantBeReadStopsTheMachine(t *testing.T) {
	newer := entryOf(2, writeOf(registerOp("orders", "i2", "1")))
	newer.Data = encodeVersion(commandVersion+1, newer.Data)
	flipped := entryOf(2, writeOf(registerOp("orders", "i2", "1")))
	flipped.Data[len(flipped.Data)/2] ^= 1

	for name, bad := range map[string]*raft.Log{"of a newer version": newer, "with a flipped bit": flipped, "empty": {Index: 2}} {
		t.Run(name, func(t *testing.T) {
			m := newMachine()
			mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
			m.ApplyBatch([]*raft.Log{bad, entryOf(3, writeOf(registerOp("orders", "i3", "1")))})
			if err := <-m.Failed(); !errors.Is(err, errUnreadable) {
				t.Errorf("failed with %v", err)
			}
			if m.Applied() != 1 {
				t.Errorf("applied up to %d: what follows an unread entry must not be applied", m.Applied())
			}
			if _, err := m.Snapshot(); err == nil {
				t.Error("a snapshot was taken of a machine that stopped")
			}
		})
	}
}

func TestABatchIsAppliedWholeOrNotAtAll(t *testing.T) {
	m := newMachine()
	both := mustApply(t, m, entryOf(7, writeOf(registerOp("orders", "i1", "1"), registry.Deregister{Service: "orders", ID: "nobody"})))[0]
	if !errors.Is(both.err, registry.ErrInstanceNotFound) {
		t.Errorf("error %v", both.err)
	}
	if position, ok := errors.AsType[*registry.OperationError](both.err); !ok || position.Position != 1 {
		t.Errorf("the error does not name the second operation: %v", both.err)
	}
	if m.Publisher().State().Len() != 0 || m.Applied() != 7 {
		t.Errorf("%d instances at index %d", m.Publisher().State().Len(), m.Applied())
	}
}
