package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/musterhq/muster/registry"
	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

// Checkpoint is an open checkpoint file. No other process can open it meanwhile. It is for one goroutine at a time.
type Checkpoint struct {
	path    string
	file    *os.File // bbolt's
	db      *bbolt.DB
	created bool // by Open

	saved  *registry.State // what the file holds; nil until it was loaded
	staged Staging         // what it holds of a restore
	header []byte          // under which the file holds it
	failed error           // once bbolt has panicked in a write: what state it is in, nobody knows
}

// Open opens the checkpoint at path, or creates an empty one that only its owner can read, in a directory that must be
// there. It checks the structure of the file before bbolt relies on it. It fails with [ErrInUse] at once where another
// process has the file open, with [ErrCorrupt] where the structure is damaged, and otherwise with an error of the file
// system, which names the path.
func Open(path string) (*Checkpoint, error) {
	c := &Checkpoint{path: path}
	err := guarded(func() (err error) {
		c.db, err = bbolt.Open(path, 0o600, &bbolt.Options{OpenFile: c.openFile, FreelistType: bbolt.FreelistMapType})
		return err
	})
	if err == nil && c.created {
		err = syncDirectory(filepath.Dir(path)) // or the file might be gone after a power failure
	}
	if err != nil {
		return nil, fmt.Errorf("open the checkpoint: %w", errors.Join(c.describe(err), c.release()))
	}
	return c, nil
}

// openFile is how bbolt opens its file. bbolt would lock the file by itself, but only look at it afterwards; here it is locked
// and checked before bbolt sees it. The lock belongs to the open file, so bbolt finds it has it already.
func (c *Checkpoint) openFile(path string, flag int, mode os.FileMode) (*os.File, error) {
	file, err := os.OpenFile(path, flag, mode)
	if err != nil {
		return nil, err
	}
	c.file = file
	switch err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, ErrInUse
	case err != nil:
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if c.created = info.Size() == 0; c.created {
		return file, nil // bbolt will fill it
	}
	return file, checkPages(file, info.Size())
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
	switch {
	case c.db != nil && c.failed == nil:
		return c.db.Close()
	case c.file != nil:
		_ = unix.Flock(int(c.file.Fd()), unix.LOCK_UN) // bbolt's mapping of the file would hold it
		_ = c.file.Close()                             // where bbolt has failed in an orderly way it did both
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
