package fsm

import (
	"context"
	"fmt"
	"sync"
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
	loaded    *registry.State // of the checkpoint that it began with
	hashes    hashes
	observer  Observer

	doubt  atomic.Pointer[doubt] // nil as long as the state is sound; changes under the lock
	doubts atomic.Uint64         // how often it was not

	mu      sync.Mutex // held while the position changes, and for what stands below
	broken  error      // set when an entry could not be applied; nothing is applied after it
	seen    uint64     // the newest entry that Raft has shown since the start
	decided decided    // the position's receipts, by key
	trails  trails     // the position's history, by instance
}

// position is a state and where in the log it stands.
type position struct {
	state    *registry.State
	term     uint64      // of the entry at the state's index
	hash     record.Hash // of all that stands here
	staging  store.Staging
	receipts store.Receipts
	history  store.History
	commands int // the newest version of commands that was applied
}

// NewMachine begins with what a checkpoint held; the entries that it covers are skipped when Raft shows them again.
// The cluster's id, which may not be known yet, goes into snapshots and checkpoints.
func NewMachine(image store.Image, clusterID func() string) *Machine {
	m := &Machine{clusterID: clusterID, publisher: registry.NewPublisher(image.State), failed: make(chan error, 1), loaded: image.State, observer: nobody{}}
	m.position.Store(&position{
		state: image.State, term: image.Term, hash: image.Hash, staging: image.Staging, receipts: image.Receipts, history: image.History,
		commands: image.Commands,
	})
	m.decided = decidedIn(image.Receipts)
	m.trails.restart(image.History)
	m.hashes.restart(image.Index, image.Hash)
	return m
}

// Publisher is where readers find the newest state and are told of the next.
func (m *Machine) Publisher() *registry.Publisher { return m.publisher }

// Applied is the index of the last entry whose effect readers can see. While the state is in doubt readers see nothing, and
// it is that of the last entry which they will see: a leader hands it out as one that covers all that was acknowledged.
func (m *Machine) Applied() uint64 {
	d := m.doubt.Load() // before the state: a doubt that ends in between has published all that it had reached
	applied := m.publisher.State().Index()
	if d != nil {
		return max(applied, d.reached.Load())
	}
	return applied
}

// Await returns once readers can see the effect of the entry at index, or ctx ends.
func (m *Machine) Await(ctx context.Context, index uint64) error {
	return m.publisher.Await(ctx, index)
}

// Image is the newest state with all that a checkpoint needs.
func (m *Machine) Image() store.Image {
	p := m.position.Load()
	return store.Image{
		ClusterID: m.clusterID(), Index: p.state.Index(), Term: p.term, Hash: p.hash,
		State: p.state, Staging: p.staging, Receipts: p.receipts, History: p.history, Commands: p.commands,
	}
}

// Failed gives the error after which this node must stop, since it can't follow the log any more.
func (m *Machine) Failed() <-chan error { return m.failed }

// Apply applies one entry; see ApplyBatch.
func (m *Machine) Apply(entry *raft.Log) any { return m.ApplyBatch([]*raft.Log{entry})[0] }

// ApplyBatch applies entries that a majority has committed, and publishes the state after the last of them, and before and
// after each step of a restore. The answer to an entry with a command is a []reply, one for each of its writes; there is none
// while the state is in doubt.
func (m *Machine) ApplyBatch(entries []*raft.Log) []any {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.doubt.Load(); d != nil && !m.keep(d, entries) {
		return make([]any, len(entries))
	}
	return m.apply(entries)
}

func (m *Machine) apply(entries []*raft.Log) []any {
	answers := make([]any, len(entries))
	draft := m.draft()
	for i, entry := range entries {
		m.seen = max(m.seen, entry.Index)
		if m.broken != nil || entry.Type != raft.LogCommand || entry.Index <= draft.from.state.Index() {
			continue
		}
		c, err := decodeCommand(entry.Data)
		if err != nil {
			m.fail(fmt.Errorf("entry %d: %w", entry.Index, err))
			continue
		}
		if c.step != nil {
			m.publish(draft)
			answers[i] = []reply{m.applyStep(entry, c.step)}
			draft = m.draft()
			continue
		}
		answers[i] = draft.apply(entry, c)
		m.hashes.note(entry.Index, draft.wholeHash())
	}
	m.publish(draft) // also what came before an entry that can't be read: its writers are being told that it is there
	return answers
}

// publish shows the drafted state to readers, before Raft answers those who wrote it.
func (m *Machine) publish(d *draft) {
	next := d.position()
	if next.state.Index() == d.from.state.Index() {
		return
	}
	m.position.Store(next)
	m.publisher.Publish(next.state, d.edit.Changed())
	m.observer.Applied(d.edit.ChangesFrom(0))
}

// fail stops the machine for good: whoever waits for [Machine.Failed] ends the process.
func (m *Machine) fail(err error) {
	m.broken = err
	select {
	case m.failed <- err:
	default: // one reason is enough
	}
}
