package node

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/datadir"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// Remains are what a stopped node has of a cluster that has lost its majority for good. As long as they are open nobody else
// can use the data directory. They are one goroutine's.
type Remains struct {
	*cluster.Remains
	dir  string
	lock *datadir.Dir
}

// OpenRemains opens the data directory of a node that must not run.
func OpenRemains(dir string, log *slog.Logger) (*Remains, error) {
	if _, err := os.Stat(filepath.Join(dir, "node.json")); err != nil {
		return nil, err // and no directory is made where there was none
	}
	lock, err := datadir.Open(dir)
	if err != nil {
		return nil, err
	}
	remains, err := cluster.OpenRemains(dir, log)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Remains{remains, dir, lock}, nil
}

// Recover makes the node the only voter of a new cluster, and returns the cluster's id. It can be done again where it breaks
// off.
//
// The checkpoint is put aside, since it names the old cluster: the next start has everything from the snapshot that is made
// here of the old snapshot and the log.
func (r *Remains) Recover() (clusterID string, err error) {
	path := filepath.Join(r.dir, "state.db")
	applied, err := appliedIn(path)
	if err != nil {
		return "", err
	}
	if err := r.Settle(applied); err != nil {
		return "", err
	}
	clusterID, err = r.Remains.Recover(func(clusterID string) raft.FSM {
		return fsm.NewMachine(store.Image{State: registry.NewState()}, func() string { return clusterID })
	})
	if err != nil {
		return "", err
	}
	if _, err := datadir.SetAside(r.dir, path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return clusterID, nil
}

// appliedIn is the index up to which a checkpoint goes, 0 where it is missing or damaged.
func appliedIn(path string) (uint64, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	checkpoint, err := store.Open(path)
	if errors.Is(err, store.ErrCorrupt) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	image, err := checkpoint.Load()
	if errors.Is(err, store.ErrCorrupt) {
		return 0, checkpoint.Close()
	}
	return image.Index, errors.Join(err, checkpoint.Close())
}

// Close lets others use the data directory.
func (r *Remains) Close() error { return errors.Join(r.Remains.Close(), r.lock.Close()) }
