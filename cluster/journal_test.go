package cluster

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"sync"

	"github.com/hashicorp/raft"
)

// journal is the state machine of the tests: it keeps the entries of the log as they come.
type journal struct {
	mu      sync.Mutex
	state   page
	moved   chan struct{} // closed when an entry is applied
	entered chan struct{} // told when entries come, before gate holds them up
	gate    chan struct{} // nil, or what entries wait for
}

type page struct {
	Applied uint64
	Entries []string
}

func newJournal() *journal {
	return &journal{moved: make(chan struct{}), entered: make(chan struct{}, 1)}
}

// hold makes the journal stand still until release is called.
func (j *journal) hold() (release func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	gate := make(chan struct{})
	j.gate = gate
	return sync.OnceFunc(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.gate = nil
		close(gate)
	})
}

func (j *journal) wait() {
	j.mu.Lock()
	gate := j.gate
	j.mu.Unlock()
	if gate != nil {
		select {
		case j.entered <- struct{}{}:
		default:
		}
		<-gate
	}
}

func (j *journal) ApplyBatch(entries []*raft.Log) []any {
	j.wait()
	j.mu.Lock()
	defer j.mu.Unlock()
	answers := make([]any, len(entries))
	for i, entry := range entries {
		if entry.Type != raft.LogCommand || entry.Index <= j.state.Applied {
			continue
		}
		j.state.Entries = append(j.state.Entries, string(entry.Data))
		j.state.Applied = entry.Index
		answers[i] = entry.Index
	}
	close(j.moved)
	j.moved = make(chan struct{})
	return answers
}

func (j *journal) Apply(entry *raft.Log) any { return j.ApplyBatch([]*raft.Log{entry})[0] }

func (j *journal) Applied() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.state.Applied
}

func (j *journal) Entries() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.state.Entries)
}

func (j *journal) Await(ctx context.Context, index uint64) error {
	for {
		j.mu.Lock()
		applied, moved := j.state.Applied, j.moved
		j.mu.Unlock()
		if applied >= index {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (j *journal) Snapshot() (raft.FSMSnapshot, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	b, err := json.Marshal(j.state)
	return copied(b), err
}

func (j *journal) Restore(from io.ReadCloser) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return json.NewDecoder(from).Decode(&j.state)
}

type copied []byte

func (c copied) Persist(sink raft.SnapshotSink) error {
	if _, err := sink.Write(c); err != nil {
		_ = sink.Cancel()
		return err
	}
	return sink.Close()
}

func (copied) Release() {}
