package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/internal/boltfile"
	"github.com/musterhq/muster/registry"
)

// Checkpoint is an open checkpoint file. No other process can open it meanwhile. It is for one goroutine at a time.
type Checkpoint struct {
	path  string
	file  boltfile.File // bbolt's
	db    *bbolt.DB
	small int64 // the size up to which it is never compacted

	saved    *registry.State // what the file holds; nil until it was loaded
	staged   Staging         // what it holds of a restore
	receipts Receipts        // that it holds
	history  History         // that it holds
	header   []byte          // under which the file holds it
	failed   error           // once bbolt has panicked in a write: what state it is in, nobody knows
}

// Open opens the checkpoint at path, or creates an empty one that only its owner can read, in a directory that must be
// there. It checks the structure of the file before bbolt relies on it. It fails with [ErrInUse] at once where another
// process has the file open, with [ErrCorrupt] where the structure is damaged, and otherwise with an error of the file
// system, which names the path.
func Open(path string) (*Checkpoint, error) {
	c := &Checkpoint{path: path, small: smallFile}
	err := guarded(func() (err error) {
		c.db, err = bbolt.Open(path, 0o600, &bbolt.Options{OpenFile: c.file.Open, FreelistType: bbolt.FreelistMapType})
		return err
	})
	if err == nil && c.file.Fresh() {
		err = syncDirectory(filepath.Dir(path)) // or the file might be gone after a power failure
	}
	if err == nil {
		err = removeIfThere(path + compactedSuffix) // of a process that was killed while it compacted
	}
	if err != nil {
		return nil, fmt.Errorf("open the checkpoint: %w", errors.Join(c.describe(err), c.release()))
	}
	return c, nil
}

// describe names the file in an error that does not do so itself, and the user in one about permissions.
func (c *Checkpoint) describe(err error) error {
	if _, named := errors.AsType[*fs.PathError](err); !named {
		err = fmt.Errorf("%s: %w", c.path, err)
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w (muster runs as user %d, who must be able to read and write it)", err, os.Geteuid())
	}
	return err
}

// Fresh tells whether there was no file, or an empty one, when it was opened.
func (c *Checkpoint) Fresh() bool { return c.file.Fresh() }

// Close closes the file and lets others open it. What was saved is on the disk already.
func (c *Checkpoint) Close() error {
	if err := c.release(); err != nil {
		return fmt.Errorf("close the checkpoint: %w", c.describe(err))
	}
	return nil
}

// release closes whatever is open. It leaves alone a bbolt that has panicked, which might wait for its own locks for ever;
// without its file it is harmless.
func (c *Checkpoint) release() error {
	if c.db != nil && c.failed == nil {
		return c.db.Close()
	}
	c.file.Release()
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
