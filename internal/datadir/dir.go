package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrInUse says that another process uses the directory.
var ErrInUse = errors.New("in use by another muster")

// lockName is the file that a process holds a lock on for as long as it uses the directory. It says who that is.
const lockName = "lock"

// Dir is a data directory that is this process's alone until it is closed.
type Dir struct {
	path string
	lock *os.File
}

// Open takes the directory for this process, and makes it, for its owner alone, where it is missing. Two processes that
// both wrote there would each take the other's promises for its own: the second one gets [ErrInUse]. The lock goes with
// the process, however that ends.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	if _, err := os.ReadDir(path); err != nil {
		return nil, unusable(err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unusable(err)
	}
	if err := take(lock, path); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Dir{path: path, lock: lock}, nil
}

// take locks the file and writes down who holds it.
func take(lock *os.File, path string) error {
	switch err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); {
	case errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("the data directory %s is %w%s: stop that one, or choose another directory", path, ErrInUse, holder(lock))
	case err != nil:
		return unusable(&fs.PathError{Op: "lock", Path: lock.Name(), Err: err})
	}
	if err := lock.Truncate(0); err != nil {
		return unusable(err)
	}
	if _, err := fmt.Fprintf(lock, "%d\n", os.Getpid()); err != nil {
		return unusable(err)
	}
	return nil
}

// holder is who holds the lock, as far as that can be read.
func holder(lock *os.File) string {
	b, err := io.ReadAll(io.LimitReader(lock, 20))
	if pid := strings.TrimSpace(string(b)); err == nil && pid != "" {
		return fmt.Sprintf(" (process %s)", pid)
	}
	return ""
}

func unusable(err error) error {
	return fmt.Errorf("use the data directory: %w; muster runs as user %d, who must be able to read and write there", err, os.Geteuid())
}

// Exposed tells whether others than the owner can get into the directory, and its mode.
func (d *Dir) Exposed() (mode fs.FileMode, exposed bool, err error) {
	info, err := os.Stat(d.path)
	if err != nil {
		return 0, false, unusable(err)
	}
	mode = info.Mode().Perm()
	return mode, mode&0o077 != 0, nil
}

// Close lets another process use the directory. All files in it must be closed.
func (d *Dir) Close() error { return d.lock.Close() }
