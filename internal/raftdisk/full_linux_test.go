package raftdisk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hashicorp/raft"
	"golang.org/x/sys/unix"

	"github.com/musterhq/muster/internal/fault"
)

// small puts a disk of little room under the snapshots of a place whose storage is closed.
func (p *place) small() {
	p.t.Helper()
	if os.Geteuid() != 0 {
		p.t.Skip("NOT RUN: to mount a disk of its own this test must run as root")
	}
	path := p.path("snapshots")
	if err := unix.Mount("none", path, "tmpfs", 0, "size=256k,nr_inodes=256"); err != nil {
		p.t.Skipf("NOT RUN: no disk can be mounted here: %v", err)
	}
	p.t.Cleanup(func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			p.t.Error(err)
		}
	})
}

// fillNames uses up the files that the disk can have, and fillBytes its bytes but for those of a small file. Both return
// how to make room again.
func (p *place) fillNames() (release func()) {
	p.t.Helper()
	return p.fill(func(path string) error {
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			err = file.Close()
		}
		return err
	}, 0)
}

func (p *place) fillBytes() (release func()) {
	p.t.Helper()
	return p.fill(func(path string) error { return os.WriteFile(path, make([]byte, os.Getpagesize()), 0o600) }, 2)
}

// fill makes files until there is no room for another, and removes some of them.
func (p *place) fill(one func(path string) error, spare int) (release func()) {
	p.t.Helper()
	var paths []string
	remove := func(n int) {
		for range n {
			if err := os.Remove(paths[len(paths)-1]); err != nil {
				p.t.Fatal(err)
			}
			paths = paths[:len(paths)-1]
		}
	}
	for {
		paths = append(paths, p.path("snapshots", fmt.Sprintf("filler-%d", len(paths))))
		err := one(paths[len(paths)-1])
		if errors.Is(err, syscall.ENOSPC) {
			if _, err := os.Stat(paths[len(paths)-1]); err != nil {
				paths = paths[:len(paths)-1] // it did not even come to be
			}
			break
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	remove(spare)
	return func() { remove(len(paths)) }
}

// The room runs out between the moment when hashicorp/raft has put a snapshot into place and the one when it gets its seal.
// However often that happens, the snapshots from before stay, and no trace of it does.
func TestASnapshotWhoseSealFindsNoRoomLeavesTheOlderOnesAsTheyAre(t *testing.T) {
	for name, fill := range map[string]func(*place) func(){"no file more": (*place).fillNames, "no byte more": (*place).fillBytes} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.with(func(*Disk) {})
			p.small()
			d := p.open()
			p.snapshot(d, 4, 1)
			p.snapshot(d, 8, 1)
			for index := uint64(12); index < 20; index++ {
				sink, err := d.Snapshots().Create(1, index, 1, alone(p.id), 1, inmem(t))
				if err == nil {
					_, err = io.WriteString(sink, "content")
				}
				if err != nil {
					t.Fatal(err)
				}
				release := fill(p)
				if err := sink.Close(); !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("the error is %v", err)
				}
				if again := sink.Cancel(); !errors.Is(again, syscall.ENOSPC) {
					t.Errorf("the second time it is %v", again)
				}
				release()
				p.wantSnapshots(d, 8, 4)
			}
			if err := p.failure(); err != nil {
				t.Errorf("the node was told of %v", err)
			}
			p.snapshot(d, 20, 1) // there is room again
			p.wantSnapshots(d, 20, 8)
			p.close(d)
			p.with(func(d *Disk) { p.wantSnapshots(d, 20, 8) })
			if names := p.quarantined(); len(names) > 0 {
				t.Errorf("in quarantine lie %q", names)
			}
		})
	}
}

// The last room is for the log: a snapshot that may not fit is not even begun.
func TestASnapshotIsNotBegunWhereItMayNotFit(t *testing.T) {
	p := newPlace(t)
	p.with(func(*Disk) {})
	p.small()
	d := p.open()
	defer p.close(d)
	sink, err := d.Snapshots().Create(1, 4, 1, alone(p.id), 1, inmem(t))
	if err == nil {
		_, err = sink.Write(make([]byte, 80<<10))
	}
	if err = errors.Join(err, sink.Close()); err != nil {
		t.Fatal(err)
	}
	ballast := p.path("snapshots", "ballast")
	if err := os.WriteFile(ballast, make([]byte, 80<<10), 0o600); err != nil { // some 90 KiB are left
		t.Fatal(err)
	}
	if _, err := d.Snapshots().Create(1, 8, 1, alone(p.id), 1, inmem(t)); !errors.Is(err, fault.ErrDiskFull) {
		t.Errorf("the error is %v", err)
	}
	if err := p.failure(); err != nil {
		t.Errorf("the node was told of %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	p.snapshot(d, 8, 1) // there is room again
	p.wantSnapshots(d, 8, 4)
}

// What a snapshot has taken up of a full disk before it was given up is free again.
func TestASnapshotThatFindsNoRoomForItsContentTakesUpNone(t *testing.T) {
	for name, end := range map[string]func(raft.SnapshotSink) error{"cancelled": raft.SnapshotSink.Cancel, "closed": raft.SnapshotSink.Close} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.with(func(*Disk) {})
			p.small()
			d := p.open()
			defer p.close(d)
			p.snapshot(d, 4, 1)
			sink, err := d.Snapshots().Create(1, 8, 1, alone(p.id), 1, inmem(t))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := sink.Write(make([]byte, 1<<20)); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("the error is %v", err)
			}
			if err := end(sink); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("the error is %v", err)
			}
			p.wantSnapshots(d, 4)
			if err := p.failure(); err != nil {
				t.Errorf("the node was told of %v", err)
			}
		})
	}
}

// wantSnapshots checks that these snapshots are found, the newest first, and that nothing else lies beside them.
func (p *place) wantSnapshots(d *Disk, indexes ...uint64) {
	p.t.Helper()
	metas, err := d.Snapshots().List()
	if err != nil {
		p.t.Fatal(err)
	}
	var found []uint64
	for _, meta := range metas {
		found = append(found, meta.Index)
	}
	if fmt.Sprint(found) != fmt.Sprint(indexes) {
		p.t.Fatalf("the snapshots end at %d, not at %d", found, indexes)
	}
	folders, err := filepath.Glob(p.path("snapshots", "*"))
	if err != nil || len(folders) != len(indexes) {
		p.t.Fatalf("there lie %q, %v", folders, err)
	}
}
