package histories

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// commitLog is the log of a cluster: it commits whatever is written, and knows the state after each entry.
type commitLog struct {
	entries []*raft.Log
	oracle  *fsm.Machine               // applies each entry at once
	truth   map[uint64]*registry.State // after each entry, by its index
	gap     uint64                     // of indexes before the next entry, which Raft has for entries of its own

	writer *fsm.Writer
	stop   func()
}

func newMachine(image store.Image) *fsm.Machine {
	return fsm.NewMachine(image, func() string { return "histories" })
}

func newCommitLog() *commitLog {
	l := &commitLog{oracle: newMachine(store.Image{State: registry.NewState()}), truth: map[uint64]*registry.State{0: registry.NewState()}}
	l.writer = fsm.NewWriter(l)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { l.writer.Run(ctx) })
	l.stop = func() { cancel(); running.Wait() }
	return l
}

// Commit is called by the writer, for one entry at a time since there is one caller.
func (l *commitLog) Commit(_ context.Context, data []byte) (any, error) {
	entry := &raft.Log{Index: l.index() + 1 + l.gap, Term: 1, Type: raft.LogCommand, Data: data}
	l.entries = append(l.entries, entry)
	answer := l.oracle.Apply(entry)
	l.truth[entry.Index] = l.oracle.Publisher().State()
	return answer, nil
}

func (l *commitLog) index() uint64 {
	if len(l.entries) == 0 {
		return 0
	}
	return l.entries[len(l.entries)-1].Index
}

// The rest of what a writer asks of the cluster: this node leads.
func (l *commitLog) RaftID() string                    { return "leader" }
func (l *commitLog) Leader() (string, <-chan struct{}) { return "leader", nil }
func (l *commitLog) Electorate() string                { return "" }
func (l *commitLog) Commands() int                     { return fsm.CommandVersion }
func (l *commitLog) Call(context.Context, string, string, []byte) ([]byte, error) {
	panic("the leader asks nobody")
}

// write commits operations as one entry. That the state refuses them is a part of the history.
func (l *commitLog) write(operations ...registry.Operation) {
	_, _ = l.writer.Submit(context.Background(), fsm.Write{Operations: operations})
}

// restore brings back a backup, as an operator does.
func (l *commitLog) restore(t *rapid.T, backup []byte) {
	if _, err := l.writer.Restore(context.Background(), bytes.NewReader(backup), sha256.Sum256(backup)); err != nil {
		t.Fatalf("restore: %v", err)
	}
}

// backup is the state of now, for an operator to keep.
func (l *commitLog) backup(t *rapid.T) []byte {
	b, err := l.oracle.Backup()
	if err != nil {
		t.Fatalf("backup: %v", err)
	}
	var to bytes.Buffer
	if _, err := b.WriteTo(&to); err != nil {
		t.Fatalf("backup: %v", err)
	}
	return to.Bytes()
}
