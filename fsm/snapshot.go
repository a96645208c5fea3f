package fsm

import (
	"bufio"
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

// Snapshot takes the state as it is. It costs a pointer; the writing goes on beside further entries.
func (m *Machine) Snapshot() (raft.FSMSnapshot, error) {
	p := m.position.Load()
	if m.broken != nil {
		return nil, m.broken
	}
	if m.seen < p.state.Index() {
		return nil, errReplaying
	}
	return &snapshot{position: p, clusterID: m.clusterID()}, nil
}

// Restore replaces the state by that of a snapshot. A snapshot that can't be read stops the node: Raft would go on as if
// its content were applied.
func (m *Machine) Restore(from io.ReadCloser) error {
	defer func() { _ = from.Close() }()
	next, err := readSnapshot(from)
	if err != nil {
		err = fmt.Errorf("restore a snapshot: %w", err)
		m.fail(err)
		return err
	}
	before := m.position.Load()
	m.seen = next.state.Index()
	m.position.Store(next)
	m.publisher.Publish(next.state, serviceNames(before.state, next.state))
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
}

// Persist writes the stream. It may run for long, beside ApplyBatch.
func (s *snapshot) Persist(sink raft.SnapshotSink) error {
	if err := s.write(sink); err != nil {
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
