package fsm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

func keyed(key string, ops ...registry.Operation) Write { return Write{Key: key, Operations: ops} }

// createOp registers an instance that must not be there: done a second time, it would be refused.
func createOp(service, id string) registry.Register {
	op := registerOp(service, id, "1")
	op.If.Absent = true
	return op
}

func TestAWriteThatIsSentAgainWithItsKeyIsAnsweredLikeTheFirst(t *testing.T) {
	m := newMachine()
	first := mustApply(t, m, entryOf(5, keyed("k1", createOp("orders", "i1"))))[0]
	again := mustApply(t, m, entryOf(9, keyed("k1", createOp("orders", "i1"))))[0]
	if first.err != nil || again.err != nil {
		t.Fatal(first.err, again.err)
	}
	if diff := cmp.Diff(first.outcome, again.outcome); diff != "" {
		t.Error(diff)
	}
	if at := m.Publisher().State().Service("orders").Index(); at != 5 {
		t.Errorf("the service changed again, at %d", at)
	}
}

func TestARefusedWriteIsRefusedAgainThoughItWouldSucceedByNow(t *testing.T) {
	m := newMachine()
	remove := registry.Deregister{Service: "orders", ID: "i1"}
	first := mustApply(t, m, entryOf(1, keyed("k1", remove)))[0]
	mustApply(t, m, entryOf(2, writeOf(createOp("orders", "i1"))))
	again := mustApply(t, m, entryOf(3, keyed("k1", remove)))[0]
	for _, r := range []reply{first, again} {
		if !errors.Is(r.err, registry.ErrInstanceNotFound) && !errors.Is(r.err, registry.ErrServiceNotFound) || r.outcome.Index != 1 {
			t.Errorf("at %d: %v", r.outcome.Index, r.err)
		}
	}
	if m.Publisher().State().Len() != 1 {
		t.Error("the second try removed the instance")
	}
}

func TestARefusedBatchNamesThePositionAgain(t *testing.T) {
	m := newMachine()
	w := keyed("k1", createOp("orders", "i1"), registry.Deregister{Service: "orders", ID: "nobody"})
	mustApply(t, m, entryOf(1, w))
	again := mustApply(t, m, entryOf(2, w))[0]
	op, ok := errors.AsType[*registry.OperationError](again.err)
	if !ok || op.Position != 1 {
		t.Errorf("the error is %v", again.err)
	}
}

func TestAKeyStandsForOneWriteOnly(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(1, keyed("k1", createOp("orders", "i1"))))
	other := mustApply(t, m, entryOf(2, keyed("k1", createOp("orders", "i2"))))[0]
	if !errors.Is(other.err, fault.ErrConflict) || fault.IsUnknown(other.err) {
		t.Errorf("the error is %v", other.err)
	}
	if m.Publisher().State().Len() != 1 {
		t.Error("it was applied")
	}
}

// Two tries that reach the leader together can come to share an entry, where they are about nothing that would part them.
func TestTwoTriesInOneEntryApplyOnce(t *testing.T) {
	m := newMachine()
	w := keyed("k1", createOp("orders", "i1"))
	both := mustApply(t, m, entryOf(1, w, w))
	if both[0].err != nil || both[1].err != nil || !both[1].outcome.Results[0].Created {
		t.Errorf("%+v", both)
	}
}

func TestALateAnswerTellsOfTheInstanceWhatTheClientSent(t *testing.T) {
	m := newMachine()
	register, report := createOp("orders", "i1"), registry.ReportHealth{Service: "orders", ID: "i1", Report: registry.Report{Status: registry.Unhealthy}}
	mustApply(t, m, entryOf(1, keyed("k1", register)))
	mustApply(t, m, entryOf(2, keyed("k2", report)))

	t.Run("the same document: as it stands", func(t *testing.T) {
		again := mustApply(t, m, entryOf(3, keyed("k1", register)))[0].outcome.Results[0].Instance
		if again.Status != registry.Unhealthy || again.ModifyIndex != 2 {
			t.Errorf("%+v", again)
		}
	})
	mustApply(t, m, entryOf(4, writeOf(registerOp("orders", "i1", "2"))))
	t.Run("another document by now: as it was sent", func(t *testing.T) {
		again := mustApply(t, m, entryOf(5, keyed("k1", register)))[0].outcome.Results[0].Instance
		if again.Metadata["version"] != "1" || again.ModifyIndex != 1 {
			t.Errorf("%+v", again)
		}
	})
	mustApply(t, m, entryOf(6, writeOf(registry.Deregister{Service: "orders", ID: "i1"})))
	t.Run("gone by now", func(t *testing.T) {
		again := mustApply(t, m, entryOf(7, keyed("k1", register), keyed("k2", report)))
		if again[0].outcome.Results[0].Instance.ModifyIndex != 1 || again[1].err != nil || again[1].outcome.Results[0].Instance.ID != "i1" {
			t.Errorf("%+v", again)
		}
	})
	if m.Publisher().State().Len() != 0 {
		t.Error("a late answer brought the instance back")
	}
}

// However a node came to its state, it gives the same answers: it loaded a checkpoint, or was given a snapshot.
func TestANodeThatStartedLaterRemembersTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawLog(t)
		whole := newMachine()
		answers := whole.ApplyBatch(entries)

		half := rapid.IntRange(0, len(entries)-1).Draw(t, "until")
		stopped := newMachine()
		stopped.ApplyBatch(entries[:half])
		var late *Machine
		if rapid.Bool().Draw(t, "by a snapshot") {
			late = newMachine()
			if err := late.Restore(io.NopCloser(bytes.NewReader(stateBytes(t, stopped)))); err != nil {
				t.Fatal(err)
			}
		} else {
			late = NewMachine(throughFile(t, stopped.Image()), stopped.clusterID)
		}
		for n, answer := range late.ApplyBatch(entries[half:]) {
			for i, r := range answer.([]reply) {
				want := answers[half+n].([]reply)[i]
				if r.outcome.Index != want.outcome.Index || fmt.Sprint(r.err) != fmt.Sprint(want.err) {
					t.Fatalf("entry %d, write %d: %d, %v; and was %d, %v", half+n, i, r.outcome.Index, r.err, want.outcome.Index, want.err)
				}
				if diff := cmp.Diff(want.outcome.Results, r.outcome.Results); diff != "" {
					t.Fatal(diff)
				}
			}
		}
	})
}

// What a receipt says was done, a restore has undone.
func TestARestoreForgetsTheKeys(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(1, writeOf(registerOp("payments", "i1", "1"))))
	backup := backupOf(t, m)
	w := keyed("k1", createOp("orders", "i1"))
	mustApply(t, m, entryOf(2, w))
	apply(t, m, 3, stepsOf("restore-1", backup, 100)...)
	state := m.Publisher().State()
	if state.Service("orders") != nil {
		t.Fatal("the restore did nothing")
	}
	again := mustApply(t, m, entryOf(state.Index()+1, w))[0]
	if again.err != nil || again.outcome.Index != state.Index()+1 || m.Publisher().State().Service("orders") == nil {
		t.Errorf("%+v", again)
	}
}

func TestTheOldestKeysAreForgottenFirst(t *testing.T) {
	m := remembering(t, store.MaxReceipts-1)
	keyOf := func(n int) Write { return keyed(fmt.Sprint(n), createOp("orders", fmt.Sprint(n))) }
	mustApply(t, m, entryOf(1, keyOf(1)))
	mustApply(t, m, entryOf(2, keyOf(2))) // forgets the first of those before
	if m.decided.find(fmt.Sprintf("before-%024d", 0)) != nil || m.decided.find(fmt.Sprintf("before-%024d", 1)) == nil || m.decided.find("1") == nil || len(m.decided) != store.MaxReceipts {
		t.Errorf("%d keys are remembered", len(m.decided))
	}
}
