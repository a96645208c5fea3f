package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/datadir"
	"github.com/musterhq/muster/store"
)

// takeDataDir takes the data directory for this process, before anything in it is looked at.
func (n *Node) takeDataDir(context.Context) error {
	dir, err := datadir.Open(n.config.DataDir)
	if err != nil {
		return err
	}
	n.teardown.add("let go of the data directory", func(context.Context) error { return dir.Close() })
	mode, exposed, err := dir.Exposed()
	if err != nil {
		return err
	}
	if exposed {
		n.config.Logger.Warn("others can get into the data directory: what they change there, this node believes; take their rights with chmod 700",
			"path", n.config.DataDir, "mode", mode)
	}
	return nil
}

// found is what a start must know of the checkpoint that it has found.
type found struct {
	clusterID string // empty where there was none, or none with a cluster
	missing   bool
}

// openMachine loads the checkpoint. One that is damaged is put aside: Raft's snapshot and log have all that it had.
func (n *Node) openMachine(context.Context) error {
	path := filepath.Join(n.config.DataDir, "state.db")
	image, err := n.loadCheckpoint(path)
	if errors.Is(err, store.ErrCorrupt) {
		image, err = n.replaceCheckpoint(path, err)
	} else if err == nil {
		n.found = found{clusterID: image.ClusterID, missing: n.checkpoint.Fresh()}
	}
	if err != nil {
		return err
	}
	n.teardown.add("close the checkpoint", func(context.Context) error { return n.checkpoint.Close() })
	n.machine = fsm.NewMachine(image, n.ClusterID)
	return nil
}

func (n *Node) loadCheckpoint(path string) (store.Image, error) {
	checkpoint, err := store.Open(path)
	if err != nil {
		return store.Image{}, err
	}
	image, err := checkpoint.Load()
	if err != nil {
		return store.Image{}, errors.Join(err, checkpoint.Close())
	}
	n.checkpoint = checkpoint
	return image, nil
}

// replaceCheckpoint puts a damaged checkpoint into quarantine and begins an empty one.
func (n *Node) replaceCheckpoint(path string, reason error) (store.Image, error) {
	to, err := datadir.SetAside(n.config.DataDir, path)
	if err != nil {
		return store.Image{}, errors.Join(reason, err)
	}
	n.config.Logger.Warn("the checkpoint is damaged and was put aside; the state is rebuilt from Raft's snapshot and log",
		"reason", reason, "now_at", to)
	return n.loadCheckpoint(path)
}

// checkBelonging refuses a checkpoint that is not this cluster's, and tells of one that was lost.
func (n *Node) checkBelonging(context.Context) error {
	ours, its := n.member.ClusterID(), n.found.clusterID
	switch {
	case ours != "" && its != "" && ours != its:
		return fmt.Errorf("the state in %s belongs to cluster %s, and this node to cluster %s: give each node a data directory of its own, with --data-dir",
			n.config.DataDir, its, ours)
	case ours != "" && n.found.missing:
		n.config.Logger.Warn("the checkpoint is missing; the state is rebuilt from Raft's snapshot and log")
	}
	return nil
}
