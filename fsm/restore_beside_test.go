package fsm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// slowSink is a snapshot's file on a disk that stands still until go is closed.
type slowSink struct {
	memorySink
	reached sync.Once
	begun   chan struct{} // closed when the first bytes come
	goOn    chan struct{}
}

func (s *slowSink) Write(b []byte) (int, error) {
	s.reached.Do(func() { close(s.begun) })
	<-s.goOn
	return s.memorySink.Write(b)
}

// F5: a leader sends a snapshot while this node's own is written, and while the checkpoint is. Were they written from
// something that Restore has to close, each would wait for the other for good, and the heartbeats would go on.
func TestARestoreDoesNotWaitForASnapshotOrACheckpointThatIsWritten(t *testing.T) {
	m := newMachine()
	for index := uint64(1); index <= 50; index++ {
		mustApply(t, m, entryOf(index, writeOf(registerOp("orders", fmt.Sprintf("i%d", index), "1"))))
	}
	before := stateBytes(t, m)
	path := filepath.Join(t.TempDir(), "state.db")
	checkpoint, err := store.Open(path)
	if err == nil {
		_, err = checkpoint.Load()
	}
	if err != nil {
		t.Fatal(err)
	}
	held, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	sink := &slowSink{begun: make(chan struct{}), goOn: make(chan struct{})}
	persisted := make(chan error, 1)
	go func() { persisted <- held.Persist(sink) }()
	<-sink.begun
	image := m.Image() // which the checkpoint's writer has in its hands

	newer := newMachine()
	for index := uint64(1); index <= 80; index++ {
		mustApply(t, newer, entryOf(index, writeOf(registerOp("payments", fmt.Sprintf("i%d", index), "2"))))
	}
	theirs := stateBytes(t, newer)
	restored := make(chan error, 1)
	go func() { restored <- m.Restore(io.NopCloser(bytes.NewReader(theirs))) }()
	select {
	case err := <-restored:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the restore waits for the snapshot that is being written")
	}
	if got := stateBytes(t, m); !bytes.Equal(got, theirs) {
		t.Error("the machine does not hold what was restored")
	}

	close(sink.goOn)
	if err := <-persisted; err != nil || !bytes.Equal(sink.Bytes(), before) {
		t.Errorf("the snapshot is not the state of its moment, %v", err)
	}
	for _, image := range []store.Image{image, m.Image()} {
		if err := checkpoint.Save(image); err != nil {
			t.Fatal(err)
		}
	}
	if err := checkpoint.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := store.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := again.Load()
	if err := errors.Join(err, again.Close()); err != nil || loaded.Index != 80 || loaded.Hash != m.Image().Hash {
		t.Errorf("the checkpoint holds index %d, %v", loaded.Index, err)
	}
	if _, err := loaded.State.Instance("orders", "i1"); !errors.Is(err, registry.ErrServiceNotFound) {
		t.Errorf("of before the restore it still has: %v", err)
	}
}
