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

// startsFromCheckpoint decides what a start begins with: the machine's own checkpoint, which stands for the log up to
// applied, or Raft's newest snapshot, where that is further.
func (l *raftLog) startsFromCheckpoint(applied uint64) (bool, error) {
	last, err := l.log.LastIndex()
	if err != nil {
		return false, fmt.Errorf("read Raft's log: %w", err)
	}
	snapshots, err := l.snapshots.List()
	if err != nil {
		return false, fmt.Errorf("read Raft's snapshots: %w", err)
	}
	var newest uint64
	if len(snapshots) > 0 {
		newest = snapshots[0].Index
	}
	if applied > max(last, newest) {
		return false, fmt.Errorf("%w (applied %d, log up to %d, snapshot %d)", errLogLost, applied, last, newest)
	}
	return applied >= newest, nil
}

func (l *raftLog) close() error { return l.bolt.Close() }
