package disk

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Space is the size of a file system and what is left of it, in bytes.
type Space struct {
	Free  uint64 // for users without privileges; what a file system keeps for root is not counted on
	Total uint64
}

// measure asks the kernel about the file system that holds dir.
func measure(dir string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Space{}, fmt.Errorf("measure the free space at %s: %w", dir, err)
	}
	block := uint64(s.Bsize)
	return Space{Free: s.Bavail * block, Total: s.Blocks * block}, nil
}
