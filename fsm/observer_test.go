package fsm

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/registry"
)

// listener writes down what it hears.
type listener struct{ heard []string }

func (l *listener) Applied(changes iter.Seq[registry.Change]) {
	for c := range changes {
		l.heard = append(l.heard, fmt.Sprintf("%s %t", c.Instance().ID, c.Real()))
	}
}

func (l *listener) Replaced(state *registry.State) {
	l.heard = append(l.heard, fmt.Sprintf("replaced at %d", state.Index()))
}

func (l *listener) want(t *testing.T, when string, heard ...string) {
	t.Helper()
	if !slices.Equal(l.heard, heard) {
		t.Errorf("%s: heard %q, want %q", when, l.heard, heard)
	}
	l.heard = nil
}

// Who keeps the leases must hear of a lease that begins anew, of which no watcher does.
func TestAnObserverHearsOfEverythingThatIsApplied(t *testing.T) {
	m, l := newMachine(), &listener{}
	m.Observe(l)
	leased := registerOp("orders", "i1", "1")
	leased.Instance.Lease = &registry.Lease{TTL: registry.Duration(time.Second)}
	m.ApplyBatch([]*raft.Log{
		entryOf(1, writeOf(leased), writeOf(registerOp("orders", "i2", "1"))),
		entryOf(2, writeOf(leased)),
		entryOf(3, writeOf(registry.Deregister{Service: "orders", ID: "i2"})),
	})
	l.want(t, "writes", "i1 true", "i2 true", "i1 false", "i2 true")
	mustApply(t, m, entryOf(4, writeOf(registry.Deregister{Service: "orders", ID: "nobody"})))
	l.want(t, "a refusal")
}

func TestAnObserverHearsOfAStateThatTakesThePlaceOfAnother(t *testing.T) {
	source := newMachine()
	mustApply(t, source, entryOf(9, writeOf(registerOp("orders", "i1", "1"))))

	m, l := newMachine(), &listener{}
	m.Observe(l)
	if err := m.Restore(io.NopCloser(bytes.NewReader(stateBytes(t, source)))); err != nil {
		t.Fatal(err)
	}
	l.want(t, "a snapshot of Raft's", "replaced at 9")

	steps := stepsOf("r", backupOf(t, source), 100)
	apply(t, m, 10, steps...)
	l.want(t, "an operator's restore", fmt.Sprintf("replaced at %d", 9+len(steps)))

	m.Distrust(errWrong)
	mustApply(t, source, entryOf(40, writeOf(registerOp("orders", "i2", "1"))))
	if _, err := m.Replace(written(t, source)); err != nil {
		t.Fatal(err)
	}
	m.Apply(entryOf(40, writeOf(registerOp("orders", "i2", "1"))))
	l.want(t, "a state that was fetched", "replaced at 40")
}

// The leases of a backup are others than those that ran before the restore: what is on its way about those must not be taken
// for theirs.
func TestARestoreBeginsAllLeasesAnew(t *testing.T) {
	source := newMachine()
	leased := registerOp("orders", "i1", "1")
	leased.Instance.Lease = &registry.Lease{TTL: registry.Duration(time.Second)}
	mustApply(t, source, entryOf(5, writeOf(leased, registerOp("orders", "i2", "1"))))
	m := newMachine()
	apply(t, m, 10, stepsOf("r", backupOf(t, source), 100)...)
	state := m.Publisher().State()
	for id, want := range map[string]uint64{"i1": state.Index(), "i2": 0} {
		if i, err := state.Instance("orders", id); err != nil || i.LeaseIndex != want {
			t.Errorf("%s has the lease %+v, want %d; error %v", id, i, want, err)
		}
	}
}

// Watchers are woken when the right state is there, and again when they may look at it.
func TestWhoWasWokenInADoubtIsWokenOnceMoreAtItsEnd(t *testing.T) {
	source, m := newMachine(), newMachine()
	mustApply(t, source, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
	mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
	m.Distrust(errWrong)
	watcher := m.Publisher().Subscribe("orders")
	defer watcher.Close()
	woken := make(chan error, 2)
	m.Observe(observing(func() { // after the first waking, before the end of the doubt
		<-watcher.C()
		woken <- m.Sound()
	}))
	if _, err := m.Replace(written(t, source)); err != nil {
		t.Fatal(err)
	}
	if err := <-woken; err == nil {
		t.Fatal("the doubt was over already")
	}
	select {
	case <-watcher.C():
	default:
		t.Error("nobody told the watcher that the doubt is over")
	}
}

// observing is called when a state takes the place of another.
type observing func()

func (observing) Applied(iter.Seq[registry.Change]) {}
func (f observing) Replaced(*registry.State)        { f() }
