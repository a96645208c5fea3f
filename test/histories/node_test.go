package histories

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// node follows the log at its own pace.
type node struct {
	log        *commitLog
	checkpoint string // its file
	saved      int    // how many entries had been shown when the checkpoint was written

	machine *fsm.Machine
	shown   int // entries of the log
}

func newNode(l *commitLog, dir, name string) *node {
	return &node{log: l, checkpoint: filepath.Join(dir, name), machine: newMachine(store.Image{State: registry.NewState()})}
}

func (n *node) state() *registry.State { return n.machine.Publisher().State() }

// follow shows the node the next entries, in one batch.
func (n *node) follow(entries int) {
	entries = min(entries, len(n.log.entries)-n.shown)
	n.machine.ApplyBatch(n.log.entries[n.shown : n.shown+entries])
	n.shown += entries
}

// opened does something with the node's checkpoint.
func (n *node) opened(t *rapid.T, do func(*store.Checkpoint) error) {
	c, err := store.Open(n.checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(c), c.Close()); err != nil {
		t.Fatal(err)
	}
}

// save writes the checkpoint.
func (n *node) save(t *rapid.T) {
	n.opened(t, func(c *store.Checkpoint) error {
		if _, err := c.Load(); err != nil {
			return err
		}
		return c.Save(n.machine.Image())
	})
	n.saved = n.shown
}

// restart begins anew with the checkpoint as it was written last; Raft shows entries again that it covers.
func (n *node) restart(t *rapid.T, again int) {
	n.opened(t, func(c *store.Checkpoint) error {
		image, err := c.Load()
		n.machine = newMachine(image)
		return err
	})
	n.shown = max(0, n.saved-again)
}

// install gives the node the Raft snapshot of one that is ahead.
func (n *node) install(t *rapid.T, from *node) {
	taken, err := from.machine.Snapshot()
	if err != nil {
		return // it replays entries that its checkpoint covers
	}
	var sink sink
	if err := taken.Persist(&sink); err != nil {
		t.Fatalf("write a snapshot: %v", err)
	}
	if err := n.machine.Restore(io.NopCloser(&sink)); err != nil {
		t.Fatalf("read a snapshot: %v", err)
	}
	n.shown = from.shown
}

// rebuild lets the node, which has been found to be wrong, fetch the state of one that is ahead.
func (n *node) rebuild(t *rapid.T, from *node) {
	var stream bytes.Buffer
	if err := from.machine.WriteState(&stream); err != nil {
		t.Fatalf("write a state: %v", err)
	}
	n.machine.Distrust(errors.New("another hash than the others have"))
	if _, err := n.machine.Replace(&stream); err != nil {
		t.Fatalf("replace a state: %v", err)
	}
	for n.machine.Sound() != nil && n.shown < len(n.log.entries) {
		n.follow(1) // until its own log covers that state
	}
	if err := n.machine.Sound(); err != nil {
		t.Fatal("the state is in doubt still")
	}
}

// sink is the file of a snapshot, in memory.
type sink struct{ bytes.Buffer }

func (*sink) ID() string    { return "histories" }
func (*sink) Cancel() error { return nil }
func (*sink) Close() error  { return nil }
