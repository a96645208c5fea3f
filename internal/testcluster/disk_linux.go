package testcluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Disk is a disk of the test's own, an ext4 in a file, of which the power can be cut: what was not synced is lost.
type Disk struct {
	Path string // where it is mounted

	t       testing.TB
	image   string
	stalled bool
}

// NewDisk makes a disk of so many MiB and mounts it. Where that is not possible, as without root, it skips the test.
func NewDisk(t testing.TB, mebibytes int) *Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT RUN: to mount a disk of its own this test must run as root")
	}
	dir := t.TempDir()
	d := &Disk{Path: filepath.Join(dir, "mounted"), t: t, image: filepath.Join(dir, "image")}
	if err := os.Mkdir(d.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := run("truncate", "-s", fmt.Sprintf("%dM", mebibytes), d.image); err != nil {
		t.Fatal(err)
	}
	if err := run("mkfs.ext4", "-q", "-F", d.image); err != nil {
		t.Skipf("NOT RUN: no ext4 can be made here: %v", err)
	}
	if err := d.mount(); err != nil {
		t.Skipf("NOT RUN: no disk can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = run("umount", "-l", d.Path) })
	return d
}

// CutPower makes the disk forget what was not synced, as EXT4_IOC_SHUTDOWN without a flush of its journal does. Whatever
// is read or written after that fails.
func (d *Disk) CutPower() {
	const (
		ext4Shutdown = 0x8004587d // EXT4_IOC_SHUTDOWN of the kernel's ext4
		noLogFlush   = 2          // EXT4_GOING_FLAGS_NOLOGFLUSH
	)
	d.control("cut the power", ext4Shutdown, noLogFlush)
}

// Stall has whoever writes to the disk wait, and whoever syncs, until [Disk.GoOn]. Nothing fails, and what is in the page cache
// can be read. Not even a kill ends a process that waits. The end of the test lets the disk go on too.
func (d *Disk) Stall() {
	const freeze = 0xc0045877 // FIFREEZE
	d.control("stall", freeze, 0)
	d.stalled = true
	d.t.Cleanup(func() {
		if d.stalled {
			d.GoOn()
		}
	})
}

// GoOn ends what [Disk.Stall] began.
func (d *Disk) GoOn() {
	const thaw = 0xc0045878 // FITHAW
	d.control("go on", thaw, 0)
	d.stalled = false
}

// control asks the file system for something that no file can be asked for.
func (d *Disk) control(what string, request uint, value int) {
	root, err := os.Open(d.Path)
	if err != nil {
		d.t.Error(err)
		return
	}
	defer func() { _ = root.Close() }()
	if err := unix.IoctlSetPointerInt(int(root.Fd()), request, value); err != nil {
		d.t.Errorf("%s, asked of the disk %s: %v", what, d.Path, err)
	}
}

// Restore mounts the disk again, after everybody who used it is gone.
func (d *Disk) Restore() {
	d.t.Helper()
	if err := run("umount", d.Path); err != nil {
		d.t.Fatal(err)
	}
	if err := d.mount(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *Disk) mount() error { return run("mount", "-o", "loop", d.image, d.Path) }

func run(name string, args ...string) error {
	if output, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, output)
	}
	return nil
}
