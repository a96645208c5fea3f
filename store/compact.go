package store

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"syscall"

	"go.etcd.io/bbolt"
)

// bbolt never gives back what a file has grown to: a registry that was large once, or a restore that has passed through,
// would cost its space for ever, and every start would read through it. So a file that is mostly empty is written anew.
const (
	// smallFile is the size up to which a file is left alone.
	smallFile = 64 << 20

	// mostlyEmpty is how many times larger than what it holds a larger file may be.
	mostlyEmpty = 4
)

// compactedSuffix is what the new file's name ends with until it takes the place of the old one.
const compactedSuffix = ".new"

// bloated tells whether the file should be written anew.
func (c *Checkpoint) bloated() bool {
	stats := c.db.Stats()
	var size int64
	err := c.db.View(func(tx *bbolt.Tx) error {
		size = tx.Size()
		return nil
	})
	used := size - int64(stats.FreePageN+stats.PendingPageN)*int64(c.db.Info().PageSize)
	return err == nil && size > c.small && size > mostlyEmpty*used
}

// compact writes the image, which was just saved, into a file of its own and puts that into the place of the old one. At any
// moment one of the two is there, whole. Where there is no room for both, the old one stays, until the next start.
func (c *Checkpoint) compact(image Image) error {
	next, err := c.rewritten(image)
	if err == nil {
		err = os.Rename(next.path, c.path)
	}
	if err != nil {
		if next != nil {
			err = errors.Join(err, next.release(), os.Remove(next.path))
		}
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			c.small = math.MaxInt64 // no file is larger
			return nil
		}
		return err
	}
	old := *c
	c.file, c.db, c.header = next.file, next.db, next.header
	return errors.Join(syncDirectory(filepath.Dir(c.path)), old.release())
}

// rewritten is a new file beside the old one, with the image in it. After an error it may be there, and incomplete.
func (c *Checkpoint) rewritten(image Image) (*Checkpoint, error) {
	next, err := Open(c.path + compactedSuffix)
	if err != nil {
		return nil, err
	}
	if _, err := next.Load(); err != nil {
		return next, err
	}
	return next, next.save(image)
}
