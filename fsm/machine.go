package fsm

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// Machine is the state machine: it applies the log to the registry's state and shows the state to readers. Raft calls
// ApplyBatch, Snapshot and Restore on one goroutine; the other methods may be called from many at once.
type Machine struct {
	clusterID func() string
	publisher *registry.Publisher
	position  atomic.Pointer[position]
	failed    chan error
	loaded    uint64 // the index of the checkpoint that it began with

	// For Raft's goroutine alone.
	broken error  // set when an entry could not be applied; nothing is applied after it
	seen   uint64 // the newest entry that Raft has shown since the start
}

// position is a state and where in the log it stands.
type position struct {
	state *registry.State
	term  uint64 // of the entry at the state's index
	hash  record.Hash
}

// NewMachine begins with what a checkpoint held; the entries that it covers are skipped when Raft shows them again.
// The cluster's id, which may not be known yet, goes into snapshots and checkpoints.
func NewMachine(image store.Image, clusterID func() string) *Machine {
	m := &Machine{clusterID: clusterID, publisher: registry.NewPublisher(image.State), failed: make(chan error, 1), loaded: image.Index}
	m.position.Store(&position{state: image.State, term: image.Term, hash: image.Hash})
	return m
}

// Publisher is where readers find the newest state and are told of the next.
func (m *Machine) Publisher() *registry.Publisher { return m.publisher }

// Applied is the index of the last entry whose effect readers can see.
func (m *Machine) Applied() uint64 { return m.publisher.State().Index() }

// Await returns once Applied is at least index, or ctx ends.
func (m *Machine) Await(ctx context.Context, index uint64) error {
	return m.publisher.Await(ctx, index)
}

// Image is the newest state with all that a checkpoint needs.
func (m *Machine) Image() store.Image {
	p := m.position.Load()
	return store.Image{ClusterID: m.clusterID(), Index: p.state.Index(), Term: p.term, Hash: p.hash, State: p.state}
}

// Failed gives the error after which this node must stop, since it can't follow the log any more.
func (m *Machine) Failed() <-chan error { return m.failed }

// Apply applies one entry; see ApplyBatch.
func (m *Machine) Apply(entry *raft.Log) any { return m.ApplyBatch([]*raft.Log{entry})[0] }

// ApplyBatch applies entries that a majority has committed, and publishes the state after the last of them. The answer
// to an entry with a command is a []reply, one for each of its writes.
func (m *Machine) ApplyBatch(entries []*raft.Log) []any {
	answers := make([]any, len(entries))
	before := m.position.Load()
	edit, term := before.state.Edit(), before.term
	for i, entry := range entries {
		m.seen = entry.Index
		if m.broken != nil || entry.Type != raft.LogCommand || entry.Index <= before.state.Index() {
			continue
		}
		c, err := decodeCommand(entry.Data)
		if err != nil {
			m.fail(fmt.Errorf("entry %d: %w", entry.Index, err))
			continue
		}
		answers[i] = applyCommand(edit, entry.Index, c)
		term = entry.Term
	}
	if m.broken == nil {
		m.publish(before, edit, term)
	}
	return answers
}

func applyCommand(edit *registry.Edit, index uint64, c command) []reply {
	edit.SetIndex(index)
	replies := make([]reply, len(c.writes))
	for i, w := range c.writes {
		results, err := edit.Apply(index, w...)
		replies[i] = reply{outcome: Outcome{Index: index, Results: results}, err: err}
	}
	return replies
}

// publish shows the edited state to readers, before Raft answers those who wrote it.
func (m *Machine) publish(before *position, edit *registry.Edit, term uint64) {
	hash := before.hash
	for change := range edit.Changes() {
		if change.Old != nil {
			hash.Remove(change.Old)
		}
		if change.New != nil {
			hash.Add(change.New)
		}
	}
	state := edit.Commit()
	if state.Index() == before.state.Index() {
		return
	}
	m.position.Store(&position{state: state, term: term, hash: hash})
	m.publisher.Publish(state, edit.Changed())
}

// fail stops the machine for good: whoever waits for [Machine.Failed] ends the process.
func (m *Machine) fail(err error) {
	m.broken = err
	select {
	case m.failed <- err:
	default: // one reason is enough
	}
}
