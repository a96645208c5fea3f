package cluster

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// raftLog is what Raft keeps on disk: the log and the vote in one file, the snapshots in a directory.
type raftLog struct {
	bolt      *raftboltdb.BoltStore
	log       raft.LogStore // the file with its newest entries cached
	stable    raft.StableStore
	snapshots *raft.FileSnapshotStore
}

// cachedEntries spares followers that are a little behind the reading of the file.
const cachedEntries = 512

func openRaftLog(dir string, c Config) (*raftLog, error) {
	path := filepath.Join(dir, "raft.db")
	bolt, err := raftboltdb.New(raftboltdb.Options{
		Path:        path,
		BoltOptions: &bbolt.Options{Timeout: time.Second, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true},
	})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("the data directory %s is in use by another muster: stop that one, or choose another directory", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open Raft's log %s: %w", path, err)
	}
	cached, err := raft.NewLogCache(cachedEntries, bolt)
	if err != nil {
		return nil, errors.Join(err, bolt.Close())
	}
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(dir, 2, raftLogger(c.Log.With("part", "raft")))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open Raft's snapshots in %s: %w", dir, err), bolt.Close())
	}
	return &raftLog{bolt: bolt, log: cached, stable: &voteStore{StableStore: bolt}, snapshots: snapshots}, nil
}

// errLogLost is the one state from which a node must not go on: it has applied what its log does not know, so the log
// was lost or put back to an older copy, and with it, perhaps, votes that it gave.
var errLogLost = errors.New("the log is older than the state on this disk: it was lost or replaced by an older copy. " +
	"This node may have forgotten votes and acknowledged writes; remove it from the cluster, empty its data directory and let it join again")

// errSnapshotLost is another: the log begins after what the snapshots end with.
var errSnapshotLost = errors.New("the snapshots that stand for the beginning of the log are missing: they were removed or can't be read. " +
	"Remove this node from the cluster, empty its data directory and let it join again")

// startsFromCheckpoint decides what a start begins with: the machine's own checkpoint, which stands for the log up to
// applied, or Raft's newest snapshot, where that is further.
func (l *raftLog) startsFromCheckpoint(applied uint64) (bool, error) {
	snapshots, err := l.snapshots.List()
	if err != nil {
		return false, fmt.Errorf("read Raft's snapshots: %w", err)
	}
	newest := new(raft.SnapshotMeta)
	if len(snapshots) > 0 {
		newest = snapshots[0]
	}
	if err := l.dropDivergent(newest); err != nil {
		return false, fmt.Errorf("drop the entries of Raft's log that its snapshot %d contradicts: %w", newest.Index, err)
	}
	first, last, err := l.bounds()
	switch {
	case err != nil:
		return false, fmt.Errorf("read Raft's log: %w", err)
	case applied > max(last, newest.Index):
		return false, fmt.Errorf("%w (applied %d, log up to %d, snapshot %d)", errLogLost, applied, last, newest.Index)
	case first > newest.Index+1:
		return false, fmt.Errorf("%w (log from %d, snapshot %d)", errSnapshotLost, first, newest.Index)
	}
	return applied >= newest.Index, nil
}

// dropDivergent drops the log where its entry at the snapshot's index is of another term. hashicorp/raft takes a leader's
// snapshot without it, and then refuses every entry that follows, since the one before it is the wrong one: for ever.
// What it drops was never committed, and what came before the snapshot is in the snapshot.
func (l *raftLog) dropDivergent(snapshot *raft.SnapshotMeta) error {
	var entry raft.Log
	err := l.log.GetLog(snapshot.Index, &entry)
	if errors.Is(err, raft.ErrLogNotFound) || err == nil && entry.Term == snapshot.Term {
		return nil
	}
	if err != nil {
		return err
	}
	first, last, err := l.bounds()
	if err != nil {
		return err
	}
	return l.log.DeleteRange(first, last)
}

// bounds are the indexes of the first and the last entry of the log, 0 where it is empty.
func (l *raftLog) bounds() (first, last uint64, err error) {
	if first, err = l.log.FirstIndex(); err != nil {
		return 0, 0, err
	}
	last, err = l.log.LastIndex()
	return first, last, err
}

func (l *raftLog) close() error { return l.bolt.Close() }
