package fsm

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/registry"
)

// errReplaying says that Raft shows entries that the checkpoint covers. A snapshot that was taken now would hold more than
// its name, the index of the last entry shown, says.
var errReplaying = errors.New("no snapshot while the log is replayed up to the checkpoint")

// errDoubted says that a snapshot was begun of a state that is wrong.
var errDoubted = errors.New("the state was found to be wrong while a snapshot of it was written")

// Snapshot takes the state as it is. It costs a pointer; the writing goes on beside further entries.
func (m *Machine) Snapshot() (raft.FSMSnapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.position.Load()
	if err := cmp.Or(m.broken, m.Sound()); err != nil {
		return nil, err
	}
	if m.seen < p.state.Index() {
		return nil, errReplaying
	}
	doubts := m.doubts.Load()
	return &snapshot{position: p, clusterID: m.clusterID(), doubted: func() bool { return m.doubts.Load() > doubts }}, nil
}

// Restore replaces the state by that of a snapshot. A snapshot that can't be read stops the node: Raft would go on as if
// its content were applied.
func (m *Machine) Restore(from io.ReadCloser) error {
	defer func() { _ = from.Close() }()
	next, err := readSnapshot(from)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("restore a snapshot: %w", err)
		m.fail(err)
		return err
	}
	m.seen = next.state.Index()
	m.take(next)
	m.endDoubt()
	return nil
}

// serviceNames are the services of both states: after a restore all may have changed.
func serviceNames(states ...*registry.State) []string {
	names := map[string]bool{}
	for _, state := range states {
		for service := range state.Services() {
			names[service.Name()] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// snapshot is a state on its way to a file or to a follower.
type snapshot struct {
	position  *position
	clusterID string
	doubted   func() bool // whether the state was found to be wrong meanwhile
}

// Persist writes the stream. It may run for long, beside ApplyBatch.
func (s *snapshot) Persist(sink raft.SnapshotSink) error {
	err := s.write(sink)
	if err == nil && s.doubted() {
		err = errDoubted
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write a snapshot: %w", err), sink.Cancel())
	}
	return sink.Close()
}

// Release has nothing to release: the state goes when nobody points to it.
func (s *snapshot) Release() {}

func (s *snapshot) write(to io.Writer) error {
	buffered := bufio.NewWriterSize(to, 256<<10)
	if err := writeSnapshot(buffered, s.position, s.clusterID); err != nil {
		return err
	}
	return buffered.Flush()
}
