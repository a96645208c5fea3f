package cluster

import (
	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/raftdisk"
)

// Storage is what Raft keeps: its log, its term and vote, and its snapshots. [raftdisk.Disk] is one, and the one that a
// member opens in its data directory where it is given no other. Its methods are called one after the other.
type Storage interface {
	// Settle decides what a start begins with, the state machine's own checkpoint, which stands at applied, or Raft's newest
	// snapshot; see [raftdisk.Disk.Settle].
	Settle(applied uint64) (fromCheckpoint bool, err error)

	// StartRaft opens Raft on what is kept.
	StartRaft(config *raft.Config, machine raft.BatchingFSM, transport raft.Transport) (*raft.Raft, error)

	// Close is called when Raft has ended.
	Close() error
}

// openStorage opens what Raft keeps in the data directory.
func (m *Member) openStorage() (Storage, error) {
	c := m.config
	if c.Storage != nil {
		return c.Storage, nil
	}
	disk, err := raftdisk.Open(raftdisk.Config{
		DataDir: c.DataDir, RaftID: m.RaftID(), New: m.identity.isNew, Failed: m.fail,
		Log: c.Log, RaftLog: raftLogger(c.Log.With("part", "raft")),
	})
	if err != nil {
		return nil, err // and no interface that holds a nil
	}
	return disk, nil
}
