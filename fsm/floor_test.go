package fsm

import (
	"bytes"
	"io"
	"testing"
)

func wantFloor(t *testing.T, m *Machine, service string) {
	t.Helper()
	s := m.Publisher().State()
	if s.Floor() != s.Index() {
		t.Errorf("the state is at %d and its history begins at %d", s.Index(), s.Floor())
	}
	if _, complete := s.Service(service).Since(s.Service(service).Index() - 1); complete {
		t.Error("a service claims to know what was before it was loaded")
	}
}

// TestAStateThatCameAsAWholeKnowsNoPast is what watchers with an older position rely on: they would miss what has gone.
func TestAStateThatCameAsAWholeKnowsNoPast(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(10, writeOf(registerOp("service-00000", "i0", "1"))))
	if floor := m.Publisher().State().Floor(); floor != 0 {
		t.Errorf("the history of a machine that saw everything begins at %d", floor)
	}

	fetched := newMachine()
	if err := fetched.Restore(io.NopCloser(bytes.NewReader(stateBytes(t, m)))); err != nil {
		t.Fatal(err)
	}
	wantFloor(t, fetched, "service-00000")

	apply(t, m, 40, stepsOf("r", backupOf(t, populated(t, 1, 25)), 900)...)
	wantFloor(t, m, "service-00000")
}
