package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// Backup is the newest state that this node has applied, to be kept elsewhere.
func (n *Node) Backup() (fsm.Backup, error) { return n.machine.Backup() }

// Restore replaces the state of the cluster by that of a snapshot; see [fsm.Writer.Restore]. It reads all of the snapshot and
// checks it before anything is proposed. A node carries out one restore at a time.
func (n *Node) Restore(ctx context.Context, snapshot io.Reader) (fsm.Restored, error) {
	if !n.restoring.TryLock() {
		return fsm.Restored{}, fmt.Errorf("%w: this node is carrying out another restore; wait for its end", fault.ErrConflict)
	}
	defer n.restoring.Unlock()
	file, err := n.spool(snapshot)
	if err != nil {
		return fsm.Restored{}, err
	}
	defer func() { _ = file.Close() }() // it was synced by nobody, and is gone with this
	summary, err := inspect(file)
	if err != nil {
		return fsm.Restored{}, err
	}
	log := n.config.Logger.With("instances", summary.Instances, "services", len(summary.Services), "bytes", summary.Bytes)
	log.Info("restoring a snapshot", "taken_at", summary.Index, "of_cluster", summary.ClusterID)
	restored, err := n.writer.Restore(ctx, file, summary.SHA256)
	if err != nil {
		log.Warn("the snapshot was not restored", "error", err)
		return fsm.Restored{}, err
	}
	log.Info("the state is now that of the snapshot", "index", restored.Index)
	return restored, nil
}

// spool copies what may come slowly and has not been checked into a file. It has no name any more when spool returns, so it
// goes with its last user, however that ends.
func (n *Node) spool(from io.Reader) (*os.File, error) {
	file, err := os.CreateTemp(n.config.DataDir, "restore-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("make a file for the snapshot: %w", err)
	}
	err = os.Remove(file.Name())
	if err == nil {
		_, err = io.Copy(&guarded{file, n.disk.Full}, from)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

// guarded writes for as long as the reserve of the disk is whole.
type guarded struct {
	to   io.Writer
	full func() error
}

func (g *guarded) Write(b []byte) (int, error) {
	if err := g.full(); err != nil {
		return 0, err
	}
	n, err := g.to.Write(b)
	if errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w: %w", fault.ErrDiskFull, err)
	}
	return n, err
}

// inspect checks the snapshot in a file and goes back to its beginning.
func inspect(file *os.File) (fsm.Summary, error) {
	summary, err := fsm.Inspect(file)
	if _, failed := errors.AsType[*fs.PathError](err); err != nil && !failed {
		err = &registry.InvalidError{Field: "body", Reason: fmt.Sprintf("is no whole snapshot: %v; nothing was changed", err)}
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	return summary, err
}
