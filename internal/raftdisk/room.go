package raftdisk

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/musterhq/muster/internal/fault"
)

// room is nil where the disk takes another snapshot and has half as much to spare, going by the last one. One that does not
// fit would take up, until it is given up, what is kept in reserve for the log; and a node ends that can't append to that.
func (s *snapshotStore) room() error {
	last, err := s.newest()
	if err != nil {
		return err
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(s.path, &disk); err != nil {
		return fmt.Errorf("measure the free space at %s: %w", s.path, err)
	}
	need, free := uint64(last.Size)*3/2, disk.Bavail*uint64(disk.Bsize)
	if free < need {
		return fmt.Errorf("%w: no snapshot is taken, since one like the last takes %d bytes, which with half as many to spare do not fit "+
			"into the %d that are free at %s", fault.ErrDiskFull, last.Size, free, s.path)
	}
	return nil
}
