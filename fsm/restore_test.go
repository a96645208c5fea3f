package fsm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// distant is a node whose leader is another one, or nobody. What happens to a step on its way is the test's business.
type distant struct {
	*fakeCluster
	pass func(s *step, carry func() ([]byte, error)) ([]byte, error)
	to   *Writer
}

func (d *distant) Call(ctx context.Context, _, name string, request []byte) ([]byte, error) {
	if name != CallRestore {
		return nil, errors.New("a restore does not call " + name)
	}
	s, err := decodeStep(request)
	if err != nil {
		return nil, err
	}
	return d.pass(s, func() ([]byte, error) { return d.to.AnswerRestore(ctx, request) })
}

// restoring has a snapshot of 20 instances restored by a follower, of whose steps pass decides what becomes, and then looks.
func restoring(t *testing.T, pass func(leader *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error),
	look func(t *testing.T, m *Machine, restored Restored, err error)) {
	t.Helper()
	leader := newFakeCluster("leader", "leader")
	leader.delay = time.Millisecond
	writing(t, leader, func(t *testing.T, w *Writer) {
		if _, err := w.Submit(t.Context(), writeOf(registerOp("old", "i0", "1"))); err != nil {
			t.Fatal(err)
		}
		follower := newFakeCluster("follower", "leader")
		d := &distant{fakeCluster: follower, to: w}
		d.pass = func(s *step, carry func() ([]byte, error)) ([]byte, error) { return pass(leader, s, carry) }
		snapshot := largeBackup(t)
		restored, err := NewWriter(d).Restore(t.Context(), bytes.NewReader(snapshot), sha256.Sum256(snapshot))
		synctest.Wait()
		look(t, leader.machine, restored, err)
	})
}

// largeBackup is a snapshot that takes several chunks.
func largeBackup(t *testing.T) []byte {
	t.Helper()
	m := newMachine()
	for n := range 2000 {
		op := registerOp("orders", fmt.Sprintf("i%05d", n), "1")
		for key := range 4 {
			op.Instance.Metadata[fmt.Sprint(key)] = strings.Repeat("v", 100)
		}
		mustApply(t, m, entryOf(uint64(n+1), writeOf(op)))
	}
	b := backupOf(t, m)
	if len(b) < 3*maxChunk {
		t.Fatalf("%d bytes are too few", len(b))
	}
	return b
}

func wantRestored(t *testing.T, m *Machine, restored Restored, err error) {
	t.Helper()
	state := m.Publisher().State()
	if err != nil || restored.Instances != 2000 || restored.Services != 1 || restored.Index != state.Service("orders").Index() {
		t.Errorf("restored %+v, error %v; the state is at %d", restored, err, state.Index())
	}
	if state.Len() != 2000 {
		t.Errorf("the state has %d instances", state.Len())
	}
	if s := m.position.Load().staging; s.Size() > 0 {
		t.Errorf("%d bytes are still staged", s.Size())
	}
}

func wantUntouched(t *testing.T, m *Machine, restored Restored) {
	t.Helper()
	if state := m.Publisher().State(); state.Len() != 1 || state.Service("old") == nil || restored != (Restored{}) {
		t.Errorf("the state has %d instances, and %+v is said", state.Len(), restored)
	}
}

func TestAFollowerRestoresByWayOfTheLeader(t *testing.T) {
	restoring(t, func(_ *fakeCluster, _ *step, carry func() ([]byte, error)) ([]byte, error) { return carry() }, wantRestored)
}

func TestARestoreGoesOnWhereAnswersAreLost(t *testing.T) {
	lost := map[stepKind]int{}
	restoring(t, func(_ *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
		answer, err := carry()
		if lost[s.kind<<32|stepKind(s.number)]++; lost[s.kind<<32|stepKind(s.number)] < 3 {
			return nil, errors.New("connection reset")
		}
		return answer, err
	}, wantRestored)
}

func TestARestoreGoesOnWhereStepsAreLost(t *testing.T) {
	lost := map[stepKind]int{}
	restoring(t, func(_ *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
		if lost[s.kind<<32|stepKind(s.number)]++; lost[s.kind<<32|stepKind(s.number)] < 3 {
			return nil, errors.New("connection reset")
		}
		return carry()
	}, wantRestored)
}

func TestARestoreWaitsThroughElections(t *testing.T) {
	elections := 0
	restoring(t, func(leader *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
		if s.number == 2 && elections == 0 {
			elections++
			leader.elect("")
			time.AfterFunc(12*time.Second, func() { leader.elect("leader") })
		}
		return carry()
	}, wantRestored)
}

func TestARestoreWithoutALeaderChangesNothing(t *testing.T) {
	var began time.Time
	restoring(t, func(leader *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
		if s.number == 2 && began.IsZero() {
			began = time.Now()
			leader.elect("")
		}
		return carry()
	}, func(t *testing.T, m *Machine, restored Restored, err error) {
		wantUntouched(t, m, restored)
		if !errors.Is(err, fault.ErrNoLeader) || fault.IsUnknown(err) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took < stepPatience || took > stepPatience+stepTimeout+dropTimeout+electionPatience {
			t.Errorf("it took %s", took)
		}
	})
}

// The swap is the one step after which an error may mean that everything has changed.
func TestASwapOfWhichNothingIsHeardIsUnknown(t *testing.T) {
	restoring(t, func(_ *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
		if s.kind != stepChunk {
			return nil, errors.New("connection reset")
		}
		return carry()
	}, func(t *testing.T, m *Machine, restored Restored, err error) {
		wantUntouched(t, m, restored)
		if !fault.IsUnknown(err) {
			t.Errorf("error %v", err)
		}
	})
}

func TestASwapThatMayStillBeDecidedIsUnknownAlsoWhereTheLastTryCameToNothing(t *testing.T) {
	sent := false
	restoring(t, func(leader *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
		if s.kind == stepSwap && !sent {
			sent = true
			leader.elect("")
			return nil, errors.New("connection reset")
		}
		return carry()
	}, func(t *testing.T, m *Machine, restored Restored, err error) {
		wantUntouched(t, m, restored)
		if !fault.IsUnknown(err) {
			t.Errorf("error %v", err)
		}
	})
}

func TestGivingUpSettlesWhatBecameOfTheSwap(t *testing.T) {
	t.Run("it went through", func(t *testing.T) {
		restoring(t, func(_ *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
			answer, err := carry()
			if s.kind == stepSwap {
				return nil, errors.New("connection reset")
			}
			return answer, err
		}, wantRestored)
	})
	t.Run("it never will", func(t *testing.T) {
		restoring(t, func(_ *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
			if s.kind == stepSwap {
				return nil, errors.New("connection reset")
			}
			return carry()
		}, func(t *testing.T, m *Machine, restored Restored, err error) {
			wantUntouched(t, m, restored)
			if !errors.Is(err, fault.ErrTimeout) || fault.IsUnknown(err) {
				t.Errorf("error %v", err)
			}
		})
	})
}

func TestOfTwoRestoresTheLaterOneGoesOn(t *testing.T) {
	other := stepsOf("other", []byte("whatever"), 100)
	restoring(t, func(leader *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
		if s.number == 2 && s.kind == stepChunk {
			if _, err := leader.Commit(context.Background(), encodeStepCommand(time.Now(), "another node", other[0].encode())); err != nil {
				t.Error(err)
			}
		}
		return carry()
	}, func(t *testing.T, m *Machine, restored Restored, err error) {
		wantUntouched(t, m, restored)
		if !errors.Is(err, fault.ErrConflict) || fault.IsUnknown(err) {
			t.Errorf("error %v", err)
		}
		if s := m.position.Load().staging; s.Restore() != "other" {
			t.Errorf("%q is staged: the loser dropped what is not its own", s.Restore())
		}
	})
}

// The answer to the swap is lost, and before it is asked for again another restore begins, and even goes through: what the
// first one is told then must not be that nothing was changed.
func TestARestoreThatAnotherOneFollowedAtOnceDoesNotClaimThatNothingWasChanged(t *testing.T) {
	other := stepsOf("other", emptyBackup(t), 100)
	restoring(t, func(leader *fakeCluster, s *step, carry func() ([]byte, error)) ([]byte, error) {
		answer, err := carry()
		if s.kind != stepSwap || other == nil {
			return answer, err
		}
		for _, o := range other {
			if _, err := leader.Commit(context.Background(), encodeStepCommand(time.Now(), "another node", o.encode())); err != nil {
				t.Error(err)
			}
		}
		other = nil
		return nil, errors.New("connection reset")
	}, func(t *testing.T, m *Machine, _ Restored, err error) {
		if m.Publisher().State().Len() != 0 {
			t.Fatal("the other restore did not go through")
		}
		if !fault.IsUnknown(err) || !errors.Is(err, fault.ErrConflict) {
			t.Errorf("error %v", err)
		}
	})
}

// emptyBackup is the snapshot of a registry in which nothing is registered.
func emptyBackup(t *testing.T) []byte {
	m := newMachine()
	mustApply(t, m, entryOf(1, writeOf(registerOp("old", "i0", "1"))))
	mustApply(t, m, entryOf(2, writeOf(registry.Deregister{Service: "old", ID: "i0"})))
	return backupOf(t, m)
}

func TestARestoreThatIsGivenUpLeavesNothingBehind(t *testing.T) {
	leader := newFakeCluster("leader", "leader")
	writing(t, leader, func(t *testing.T, w *Writer) {
		if _, err := w.Submit(t.Context(), writeOf(registerOp("old", "i0", "1"))); err != nil {
			t.Fatal(err)
		}
		snapshot := largeBackup(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		stopping := errors.New("the node stops")
		staged := 0
		source := io.TeeReader(iotest.HalfReader(bytes.NewReader(snapshot)), writerFunc(func([]byte) {
			if staged = leader.machine.position.Load().staging.Size(); staged > 0 {
				cancel(stopping)
			}
		}))
		restored, err := w.Restore(ctx, source, sha256.Sum256(snapshot))
		if staged == 0 || !errors.Is(err, stopping) || fault.IsUnknown(err) {
			t.Errorf("staged %d bytes, then error %v", staged, err)
		}
		wantUntouched(t, leader.machine, restored)
		if s := leader.machine.position.Load().staging; s.Restore() != "" {
			t.Errorf("%d bytes are still staged", s.Size())
		}
	})
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}

// A swap stamps everything with its index, so no write may share it.
func TestAStepHasItsEntryForItself(t *testing.T) {
	log := &fakeLog{machine: newMachine(), delay: 5 * time.Millisecond}
	gathering(t, log, func(t *testing.T, g *gatherer) {
		results := make(chan reply)
		for n := range 30 {
			p := proposeStep(step{restore: "r", kind: stepChunk, bytes: []byte{1}}.encode())
			if n%3 != 0 {
				w := writeOf(registerOp("orders", fmt.Sprint(n), "1"))
				p = proposeWrite(w, encodeWrite(w))
			}
			go func() { results <- g.submit(t.Context(), p) }()
		}
		for range 30 {
			if r := <-results; r.err != nil {
				t.Error(r.err)
			}
		}
	})
	writes, steps := 0, 0
	for _, entry := range log.entries {
		if entry.step != nil {
			steps++
		}
		if writes += len(entry.writes); entry.step != nil && len(entry.writes) > 0 {
			t.Error("a step shares its entry")
		}
	}
	if writes != 20 || steps != 10 {
		t.Errorf("%d writes and %d steps are in the log", writes, steps)
	}
}

func TestAStepComesBackAsItWasWritten(t *testing.T) {
	want := step{restore: "r", kind: stepSwap, number: 1 << 40, bytes: []byte{0, 1, 2}}
	entry := encodeStepCommand(time.Unix(7, 0), "leader", want.encode())
	c, err := decodeCommand(entry)
	if err != nil || c.step == nil || c.step.restore != want.restore || c.step.kind != want.kind ||
		c.step.number != want.number || !bytes.Equal(c.step.bytes, want.bytes) || len(c.writes) > 0 {
		t.Errorf("it came back as %+v, error %v", c, err)
	}
	for name, s := range map[string]step{"of no restore": {kind: stepChunk}, "of no kind": {restore: "r"}, "of a kind to come": {restore: "r", kind: stepDrop + 1}} {
		if _, err := decodeCommand(encodeStepCommand(time.Unix(7, 0), "leader", s.encode())); !errors.Is(err, errUnreadable) {
			t.Errorf("a step %s: error %v", name, err)
		}
	}
}
