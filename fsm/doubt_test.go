package fsm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/store"
)

var errWrong = errors.New("a majority holds another state")

// corrupt makes the state another one than the log says, as a fault in memory or in the program would.
func corrupt(m *Machine, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wrong := *m.position.Load()
	i := registerOp("orders", id, "wrong").Instance
	edit := wrong.state.Edit()
	edit.Put(&i)
	wrong.hash.Add(&i)
	wrong.state = edit.Commit()
	m.position.Store(&wrong)
	m.hashes.restart(wrong.state.Index(), wrong.hash)
	m.publisher.Publish(wrong.state, []string{"orders"})
}

// written is the state of a machine on its way to another.
func written(t interface{ Fatal(args ...any) }, m *Machine) io.Reader {
	var b bytes.Buffer
	if err := m.WriteState(&b); err != nil {
		t.Fatal(err)
	}
	return &b
}

func isOver(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// A machine goes wrong somewhere, is found out later, and gets the state that another one has at some index; Raft goes on
// showing entries, in batches of any size, before the state comes, until the log covers it, and after.
func TestAMachineInDoubtEndsWithTheBytesOfOneThatNeverWasWrong(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawLog(t)
		untouched, wrong, source := newMachine(), newMachine(), newMachine()
		untouched.ApplyBatch(entries)

		found := rapid.IntRange(1, len(entries)).Draw(t, "found out after")
		bad := rapid.IntRange(0, found).Draw(t, "wrong after")
		applyInBatches(t, wrong, entries[:bad])
		corrupt(wrong, "nobody")
		applyInBatches(t, wrong, entries[bad:found])
		wrong.Distrust(errWrong)
		if floor, err := wrong.Floor(); err != nil || floor != entries[found-1].Index {
			t.Fatalf("what replaces it must hold %d, not %d", entries[found-1].Index, floor)
		}

		fetched := rapid.IntRange(found, len(entries)).Draw(t, "fetched at")
		source.ApplyBatch(entries[:fetched])
		shown := rapid.IntRange(found, len(entries)).Draw(t, "shown before it came")
		applyInBatches(t, wrong, entries[found:shown])
		if _, err := wrong.Snapshot(); !errors.Is(err, errWrong) || !errors.Is(wrong.Sound(), errWrong) {
			t.Fatalf("in doubt: a snapshot gives %v, and it is sound: %v", err, wrong.Sound())
		}
		if want := entries[shown-1].Index; wrong.Applied() != want {
			t.Fatalf("it has been shown %d and says %d", want, wrong.Applied())
		}
		done, err := wrong.Replace(written(t, source))
		if err != nil {
			t.Fatal(err)
		}
		if isOver(done) != (shown >= fetched) || isOver(done) != (wrong.Sound() == nil) {
			t.Fatalf("at %d of %d: over: %v, sound: %v", shown, fetched, isOver(done), wrong.Sound())
		}
		applyInBatches(t, wrong, entries[shown:])
		if !isOver(done) || wrong.Sound() != nil || !bytes.Equal(stateBytes(t, wrong), stateBytes(t, untouched)) {
			t.Fatal("the states differ")
		}
		last := entries[len(entries)-1].Index
		ours, ok := wrong.HashAt(last)
		if theirs, _ := untouched.HashAt(last); !ok || ours != theirs || wrong.Image().Hash != theirs {
			t.Fatal("the hashes differ")
		}
	})
}

func TestTwoMachinesKnowTheSameHashesWhateverTheBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawLog(t)
		one, other := newMachine(), newMachine()
		applyInBatches(t, one, entries)
		applyInBatches(t, other, entries)
		for _, entry := range entries {
			a, known := one.HashAt(entry.Index)
			b, ok := other.HashAt(entry.Index)
			if !known || !ok || a != b {
				t.Fatalf("the hashes after %d: %s (%v) and %s (%v)", entry.Index, a, known, b, ok)
			}
		}
		if _, ok := one.HashAt(entries[len(entries)-1].Index + 1); ok {
			t.Fatal("the hash of an entry that never came")
		}
	})
}

func TestTheOldestHashesAreForgotten(t *testing.T) {
	var h hashes
	for index := uint64(2); index <= 3*keptHashes; index += 2 {
		h.note(index, [32]byte{byte(index)})
	}
	for _, index := range []uint64{keptHashes + 2, 2*keptHashes + 2, 3 * keptHashes} {
		if hash, ok := h.at(index); !ok || hash[0] != byte(index) {
			t.Errorf("the hash after %d: %v, %v", index, hash, ok)
		}
	}
	for _, index := range []uint64{2, keptHashes, keptHashes + 3, 3*keptHashes + 2} {
		if _, ok := h.at(index); ok {
			t.Errorf("there is a hash after %d", index)
		}
	}
}

func TestAStateThatDoesNotFitIsNoReplacement(t *testing.T) {
	m, early, elsewhere := newMachine(), newMachine(), NewMachine(store.Image{State: newMachine().Image().State}, func() string { return "another" })
	mustApply(t, early, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
	mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
	mustApply(t, m, entryOf(2, writeOf(registerOp("orders", "i2", "1"))))
	mustApply(t, elsewhere, entryOf(3, writeOf(registerOp("orders", "i1", "1"))))
	if _, err := m.Replace(written(t, early)); !errors.Is(err, ErrNoDoubt) {
		t.Errorf("without a doubt: %v", err)
	}
	m.Distrust(errWrong)
	if _, err := m.Replace(written(t, early)); !errors.Is(err, ErrOutrun) {
		t.Errorf("an earlier state: %v", err)
	}
	if _, err := m.Replace(written(t, elsewhere)); err == nil {
		t.Error("the state of another cluster was taken")
	}
	whole, _ := io.ReadAll(written(t, early))
	if _, err := m.Replace(bytes.NewReader(whole[:len(whole)-1])); err == nil {
		t.Error("a state that breaks off was taken")
	}
	if err := m.WriteState(io.Discard); !errors.Is(err, errWrong) {
		t.Errorf("the wrong state was given away: %v", err)
	}
}

func TestEntriesBeyondWhatIsKeptNeedANewerState(t *testing.T) {
	m, source := newMachine(), newMachine()
	large := make([]byte, maxKept)
	m.Distrust(errWrong)
	before := written(t, source)
	m.Apply(&raft.Log{Index: 1, Type: raft.LogCommand, Data: large})
	m.Apply(&raft.Log{Index: 2, Type: raft.LogCommand, Data: large[:1]})
	if floor, err := m.Floor(); err != nil || floor != 2 {
		t.Errorf("what replaces it must hold %d, not 2", floor)
	}
	if _, err := m.Replace(before); !errors.Is(err, ErrOutrun) {
		t.Errorf("%v", err)
	}
}

func TestASnapshotOfRaftsEndsADoubt(t *testing.T) {
	m, source := newMachine(), newMachine()
	mustApply(t, source, entryOf(5, writeOf(registerOp("orders", "i1", "1"))))
	corrupt(m, "nobody")
	m.Distrust(errWrong)
	if err := m.Restore(io.NopCloser(written(t, source))); err != nil || m.Sound() != nil {
		t.Fatalf("%v, %v", err, m.Sound())
	}
	if !bytes.Equal(stateBytes(t, m), stateBytes(t, source)) {
		t.Error("the states differ")
	}
}

func TestASnapshotThatWasBegunBeforeTheDoubtIsThrownAway(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
	snapshot, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	m.Distrust(errWrong)
	if _, err := m.Replace(written(t, sound(t, 1))); err != nil || m.Sound() != nil { // over before the snapshot is
		t.Fatal(err, m.Sound())
	}
	sink := &memorySink{}
	if err := snapshot.Persist(sink); !errors.Is(err, errDoubted) || sink.closed {
		t.Errorf("%v, closed: %v", err, sink.closed)
	}
}

func sound(t *testing.T, entries int) *Machine {
	m := newMachine()
	for index := range entries {
		mustApply(t, m, entryOf(uint64(index+1), writeOf(registerOp("orders", fmt.Sprint("i", index+1), "1"))))
	}
	return m
}

// notedImages is a checkpoint that remembers what was saved.
type notedImages struct{ images []store.Image }

func (n *notedImages) Save(image store.Image) error {
	n.images = append(n.images, image)
	return nil
}

func TestAStateInDoubtIsNotSavedAndItsReplacementIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, right := sound(t, 3), sound(t, 3)
		ctx, cancel := context.WithCancel(t.Context())
		saved := &notedImages{}
		var running sync.WaitGroup
		running.Go(func() { _ = m.KeepCheckpoint(ctx, saved) })
		time.Sleep(2 * checkpointInterval)
		synctest.Wait()
		corrupt(m, "nobody")
		m.Distrust(errWrong)
		time.Sleep(2 * checkpointInterval)
		synctest.Wait()
		if n := len(saved.images); n != 1 {
			t.Errorf("%d images were saved, of which one was right", n)
		}
		if _, err := m.Replace(written(t, right)); err != nil {
			t.Fatal(err)
		}
		cancel()
		running.Wait()
		if n := len(saved.images); n != 2 || saved.images[1].Hash != right.Image().Hash {
			t.Errorf("%d images were saved", n)
		}
	})
}

// For the race detector: Raft goes on while another goroutine replaces the state and readers look.
func TestAReplacementBesideEntriesAndReaders(t *testing.T) {
	m, source := newMachine(), newMachine()
	const entries = 400
	var running sync.WaitGroup
	running.Go(func() {
		for index := range uint64(entries) {
			m.Apply(entryOf(index+1, writeOf(registerOp("orders", "i1", fmt.Sprint(index)))))
		}
	})
	running.Go(func() {
		for index := range uint64(entries) {
			source.Apply(entryOf(index+1, writeOf(registerOp("orders", "i1", fmt.Sprint(index)))))
		}
	})
	ended := make(chan struct{})
	running.Go(func() {
		defer close(ended)
		for range 20 {
			corrupt(m, "nobody")
			m.Distrust(errWrong)
			floor, err := m.Floor()
			if err != nil || source.Await(t.Context(), floor) != nil {
				t.Error(err)
				return
			}
			done, err := m.Replace(written(t, source))
			if err != nil {
				t.Error(err)
				return
			}
			<-done
		}
	})
	for !isOver(ended) {
		_, _ = m.Snapshot()
		_, _ = m.HashAt(m.Applied())
		_ = m.Image()
	}
	running.Wait()
	if !bytes.Equal(stateBytes(t, m), stateBytes(t, source)) {
		t.Error("the states differ")
	}
}
