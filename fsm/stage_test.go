package fsm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

func TestARestoreGivesTheSameBytesOnEveryMachineWhateverHappensInBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := drawRestores(t)
		whole := newMachine()
		whole.ApplyBatch(log)
		wantConsistent(t, whole)
		want := stateBytes(t, whole)

		batches := newMachine()
		applyInBatches(t, batches, log)
		if !bytes.Equal(stateBytes(t, batches), want) {
			t.Fatal("in other batches: another state")
		}

		at := rapid.IntRange(0, len(log)).Draw(t, "stop after")
		stopped := newMachine()
		stopped.ApplyBatch(log[:at])
		restarted := NewMachine(throughFile(t, stopped.Image()), stopped.clusterID)
		applyInBatches(t, restarted, log)
		if !bytes.Equal(stateBytes(t, restarted), want) || restarted.Image().Hash != whole.Image().Hash {
			t.Fatal("replayed over a checkpoint: another state")
		}

		installed := newMachine()
		installed.ApplyBatch(drawLog(t)[:1]) // whatever it held before
		if err := installed.Restore(io.NopCloser(bytes.NewReader(stateBytes(t, stopped)))); err != nil {
			t.Fatal(err)
		}
		wantConsistent(t, installed)
		applyInBatches(t, installed, log[at:])
		if !bytes.Equal(stateBytes(t, installed), want) {
			t.Fatal("after a Raft snapshot in the middle: another state")
		}
	})
}

func TestARestoreBringsTheBackupAtAnIndexThatGoesForward(t *testing.T) {
	for name, c := range map[string]struct{ backupFrom, index uint64 }{
		"into a cluster that is ahead":  {1, 1000},
		"into a cluster that is behind": {1_000_000, 40},
	} {
		t.Run(name, func(t *testing.T) {
			backup := populated(t, c.backupFrom, 25)
			m := newMachine()
			mustApply(t, m, entryOf(c.index-2, writeOf(registerOp("service-00000", "i0", "another"), registerOp("gone", "i0", "1"))))
			steps := stepsOf("r", backupOf(t, backup), 900)
			swap := c.index + uint64(len(steps)) - 1

			r := apply(t, m, c.index, steps...)
			if want := (Restored{Index: swap, Instances: 25, Services: 3}); r.err != nil || r.restored != want {
				t.Fatalf("restored %+v with error %v, want %+v", r.restored, r.err, want)
			}
			if diff := cmp.Diff(instancesOf(backup), instancesOf(m)); diff != "" {
				t.Errorf("the instances (-backup +restored):\n%s", diff)
			}
			state := m.Publisher().State()
			if state.Index() != swap {
				t.Errorf("the state is at %d, want %d", state.Index(), swap)
			}
			for service := range state.Services() {
				for i := range service.Instances() {
					if i.CreateIndex != swap || i.ModifyIndex != swap || i.Incarnation != swap || service.Index() != swap {
						t.Fatalf("instance %+v of a service at %d; all should be at %d", i, service.Index(), swap)
					}
				}
			}
			if m.Image().ClusterID != "test-cluster" {
				t.Error("the cluster has another id")
			}
			wantConsistent(t, m)
			mustApply(t, m, entryOf(swap+1, writeOf(registerOp("service-00000", "i0", "after"))))
			wantConsistent(t, m)
		})
	}
}

func TestReadersSeeTheOldStateUntilTheSwapAndWatchersHearOfAllThatIsGone(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(1, writeOf(registerOp("gone", "i0", "1"), registerOp("service-00000", "i0", "old"))))
	gone, kept, fresh := m.Publisher().Subscribe("gone"), m.Publisher().Subscribe("service-00000"), m.Publisher().Subscribe("service-00001")
	steps := stepsOf("r", backupOf(t, populated(t, 1, 20)), 500)
	apply(t, m, 2, steps[:len(steps)-1]...)
	for name, s := range map[string]*registry.Subscription{"gone": gone, "kept": kept, "fresh": fresh} {
		select {
		case <-s.C():
			t.Errorf("the watcher of what will be %s was woken by a chunk", name)
		default:
		}
	}
	if hash, ok := m.HashAt(m.Applied()); !ok || hash != m.Image().Hash {
		t.Errorf("the hash after the last chunk is %s, %t", hash, ok)
	}
	if before := m.Publisher().State(); before.Len() != 2 || before.Service("gone") == nil {
		t.Fatalf("before the swap readers see %d instances", before.Len())
	}

	apply(t, m, 100, steps[len(steps)-1])
	for name, s := range map[string]*registry.Subscription{"gone": gone, "kept": kept, "fresh": fresh} {
		select {
		case <-s.C():
		default:
			t.Errorf("the watcher of what is %s was not woken", name)
		}
	}
	if after := m.Publisher().State(); after.Len() != 20 || after.Service("gone") != nil {
		t.Errorf("after the swap readers see %d instances", after.Len())
	}
}

func TestWhatBatchedWritesDidBeforeASwapIsSeenAsWell(t *testing.T) {
	m := newMachine()
	watcher := m.Publisher().Subscribe("short-lived")
	steps := stepsOf("r", backupOf(t, newMachine()), 1<<10)
	if len(steps) != 2 {
		t.Fatalf("an empty snapshot has %d steps", len(steps))
	}
	m.ApplyBatch([]*raft.Log{
		stepEntry(1, steps[0]),
		entryOf(2, writeOf(registerOp("short-lived", "i0", "1"))),
		stepEntry(3, steps[1]),
		entryOf(4, writeOf(registerOp("orders", "i0", "1"))),
	})
	<-watcher.C()
	if state := m.Publisher().State(); state.Len() != 1 || state.Service("orders").Index() != 4 || state.Index() != 4 {
		t.Errorf("%d instances at index %d", state.Len(), state.Index())
	}
	wantConsistent(t, m)
}

func TestAStepThatDoesNotFitIsRefusedAndChangesNothing(t *testing.T) {
	steps := stepsOf("r", backupOf(t, populated(t, 1, 20)), 600)
	swap := steps[len(steps)-1]
	for name, c := range map[string]struct {
		laid []step // before it
		step step
		want error
	}{
		"a chunk too early":                 {steps[:1], steps[2], fault.ErrConflict},
		"another chunk of the same number":  {steps[:2], step{restore: "r", kind: stepChunk, number: 1, bytes: []byte("x")}, fault.ErrConflict},
		"a later chunk of nobody knows":     {nil, steps[1], fault.ErrConflict},
		"a chunk of another restore":        {steps[:1], step{restore: "s", kind: stepChunk, number: 1, bytes: []byte("x")}, fault.ErrConflict},
		"a swap of another restore":         {steps[:1], step{restore: "s", kind: stepSwap, number: 1, bytes: swap.bytes}, fault.ErrConflict},
		"a drop of another restore":         {steps[:1], step{restore: "s", kind: stepDrop}, fault.ErrConflict},
		"an empty chunk":                    {nil, step{restore: "r", kind: stepChunk}, registry.ErrInvalid},
		"a chunk too large":                 {nil, step{restore: "r", kind: stepChunk, bytes: make([]byte, maxChunk+1)}, registry.ErrInvalid},
		"a chunk of a restore that is done": {steps, steps[0], fault.ErrConflict},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine()
			mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i0", "1"))))
			apply(t, m, 2, c.laid...)
			before := m.position.Load()
			r := apply(t, m, 100, c.step)
			if !errors.Is(r.err, c.want) || fault.IsUnknown(r.err) {
				t.Errorf("refused with %v, want %v", r.err, c.want)
			}
			after := m.position.Load()
			if after.hash != before.hash || after.staging.Hash() != before.staging.Hash() || after.state.Index() != 100 {
				t.Errorf("it changed something: staged %d chunks, then %d", len(before.staging.Chunks()), len(after.staging.Chunks()))
			}
			wantConsistent(t, m)
		})
	}
}

func TestASwapOfWhatIsDamagedOrIncompleteChangesNothingAndDropsIt(t *testing.T) {
	whole := backupOf(t, populated(t, 1, 20))
	steps := stepsOf("r", whole, 600)
	others := stepsOf("r", backupOf(t, populated(t, 1, 21)), 600)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	for name, c := range map[string][]step{
		"a chunk is missing":       append(slices.Clone(steps[:len(steps)-2]), steps[len(steps)-1]),
		"a bit was flipped":        append(slices.Clone(stepsOf("r", flipped, 600)[:len(steps)-1]), steps[len(steps)-1]),
		"and its sum was sent too": stepsOf("r", flipped, 600),
		"the sum is another's":     append(slices.Clone(others[:len(others)-1]), steps[len(steps)-1]),
		"it is no snapshot":        stepsOf("r", []byte("no snapshot at all"), 600),
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine()
			mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i0", "1"))))
			before := m.Publisher().State().Service("orders")
			r := apply(t, m, 2, c...)
			if !errors.Is(r.err, fault.ErrConflict) || r.restored != (Restored{}) {
				t.Fatalf("swapped with %+v, error %v", r.restored, r.err)
			}
			if m.Publisher().State().Service("orders") != before || m.position.Load().staging.Restore() != "" {
				t.Error("something was changed, or is still staged")
			}
			wantConsistent(t, m)
			if r := apply(t, m, 200, stepsOf("s", whole, 600)...); r.err != nil {
				t.Errorf("the next restore failed: %v", r.err)
			}
		})
	}
}

func TestWhatIsSentTwiceIsDoneOnce(t *testing.T) {
	m := newMachine()
	steps := stepsOf("r", backupOf(t, populated(t, 1, 20)), 600)
	index := uint64(10)
	var restored Restored
	for _, s := range steps {
		for range 2 {
			r := apply(t, m, index, s)
			if r.err != nil {
				t.Fatalf("step %d: %v", s.number, r.err)
			}
			restored, index = r.restored, index+1
		}
	}
	if want := (Restored{Index: index - 2, Instances: 20, Services: 2}); restored != want {
		t.Errorf("the second answer is %+v, the first was %+v", restored, want)
	}
	if r := apply(t, m, index, step{restore: "r", kind: stepDrop}); r.err != nil || r.restored != restored {
		t.Errorf("giving it up afterwards says %+v, error %v; it went through", r.restored, r.err)
	}
	if m.Publisher().State().Len() != 20 {
		t.Error("it did not stay")
	}
}

func TestAnUnfinishedRestoreIsDroppedByTheNextOne(t *testing.T) {
	m := newMachine()
	snapshot := backupOf(t, populated(t, 1, 20))
	first, second := stepsOf("first", snapshot, 600), stepsOf("second", snapshot, 500)
	apply(t, m, 1, first[:3]...)
	apply(t, m, 10, second[0])
	if s := m.position.Load().staging; s.Restore() != "second" || len(s.Chunks()) != 1 {
		t.Fatalf("%d chunks of %q are staged", len(s.Chunks()), s.Restore())
	}
	if r := apply(t, m, 20, first[3]); !errors.Is(r.err, fault.ErrConflict) {
		t.Errorf("the first goes on, with error %v", r.err)
	}
	if r := apply(t, m, 30, second[1:]...); r.err != nil {
		t.Error(r.err)
	}
}

func TestTheStagingHasABound(t *testing.T) {
	s := newMachine().position.Load().staging
	chunk := make([]byte, maxChunk)
	small := s
	for range maxChunks {
		small = small.Add("r", chunk[:1])
	}
	if _, err := lay(small, &step{restore: "r", kind: stepChunk, number: maxChunks, bytes: chunk[:1]}); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("chunk %d is laid down, with error %v", maxChunks, err)
	}
	large := s
	for large.Size()+maxChunk <= MaxSnapshot {
		large = large.Add("r", chunk) // one chunk's memory, many times
	}
	if _, err := lay(large, &step{restore: "r", kind: stepChunk, number: uint64(len(large.Chunks())), bytes: chunk}); !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("beyond %d bytes a chunk is laid down, with error %v", MaxSnapshot, err)
	}
}

func TestAStagedChunkDoesNotDependOnTheEntryItCameIn(t *testing.T) {
	m := newMachine()
	entry := stepEntry(1, stepsOf("r", backupOf(t, populated(t, 1, 20)), 600)[0])
	mustApply(t, m, entry)
	clear(entry.Data) // Raft may use the memory again
	wantConsistentStaging(t, m)
}

func wantConsistentStaging(t *testing.T, m *Machine) {
	t.Helper()
	s := m.position.Load().staging
	again := s.Drop()
	for _, chunk := range s.Chunks() {
		again = again.Add(s.Restore(), chunk)
	}
	if again.Hash() != s.Hash() {
		t.Error("the chunks have changed since they were laid down")
	}
}

func TestThereIsNoBackupOfAStateInDoubt(t *testing.T) {
	m := populated(t, 1, 5)
	wrong := errors.New("it differs from a majority")
	m.Distrust(wrong)
	if _, err := m.Backup(); !errors.Is(err, wrong) {
		t.Errorf("error %v", err)
	}
}

func TestABackupHoldsNothingOfARestore(t *testing.T) {
	m := populated(t, 1, 5)
	apply(t, m, 10, stepsOf("r", backupOf(t, m), 300)...)
	apply(t, m, 50, stepsOf("s", backupOf(t, m), 300)[:2]...)
	summary, err := Inspect(bytes.NewReader(backupOf(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	if summary.Index != m.Applied() || summary.Instances != 5 || summary.ClusterID != "test-cluster" {
		t.Errorf("the backup: %+v", summary)
	}
	without := newMachine()
	if err := without.Restore(io.NopCloser(bytes.NewReader(backupOf(t, m)))); err != nil {
		t.Fatal(err)
	}
	if hash := without.position.Load().staging.Hash(); hash != [32]byte{} {
		t.Error("a restore has come with the backup")
	}
	if fmt.Sprint(instancesOf(without)) != fmt.Sprint(instancesOf(m)) {
		t.Error("the backup holds other instances")
	}
}
