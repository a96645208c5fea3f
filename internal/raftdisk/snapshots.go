package raftdisk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/datadir"
)

// snapshotStore keeps Raft's snapshots in files, as hashicorp/raft does, and sees to it that only those that are whole, and
// this node's, are ever found.
//
// hashicorp/raft gives the content of a snapshot a checksum, but not the file meta.json beside it. That one says up to which
// entry the snapshot goes and who the servers are: one bit of it could let a node skip entries, or wait for a vote of
// nobody. So a finished snapshot gets a seal, with the checksum of that file. One without a seal was not finished: it is
// not found, and does not count where the older ones are removed.
type snapshotStore struct {
	files   *raft.FileSnapshotStore
	quiet   *raft.FileSnapshotStore // the same, for who tells by itself what is wrong
	path    string                  // the folder of the snapshots
	config  Config
	entries *entryStore
	broken  *breakdown

	opened atomic.Pointer[raft.SnapshotMeta] // the one that was opened last
}

// flaw is what makes a snapshot useless.
type flaw struct{ reason string }

func (f flaw) Error() string { return f.reason }

// openSnapshots puts what is damaged into quarantine and removes what was never finished.
func openSnapshots(dir string, c Config, entries *entryStore, broken *breakdown) (*snapshotStore, error) {
	files, err := raft.NewFileSnapshotStoreWithLogger(dir, math.MaxInt, c.RaftLog) // which is to remove none by itself
	if err != nil {
		return nil, fmt.Errorf("open Raft's snapshots in %s: %w", dir, err)
	}
	quiet, err := raft.NewFileSnapshotStoreWithLogger(dir, math.MaxInt, hclog.NewNullLogger())
	if err != nil {
		return nil, fmt.Errorf("open Raft's snapshots in %s: %w", dir, err)
	}
	s := &snapshotStore{files: files, quiet: quiet, path: filepath.Join(dir, "snapshots"), config: c, entries: entries, broken: broken}
	return s, s.audit()
}

// audit looks at everything in the folder.
func (s *snapshotStore) audit() error {
	names, err := s.names()
	if err != nil {
		return err
	}
	if s.config.New && len(names) > 0 {
		return withoutIdentity(s.config.DataDir)
	}
	for _, name := range names {
		path := filepath.Join(s.path, name)
		if strings.HasSuffix(name, tmpEnds) {
			s.config.Log.Info("a snapshot that was never finished is removed", "path", path)
			if err := os.RemoveAll(path); err != nil {
				return fmt.Errorf("remove an unfinished snapshot: %w", err)
			}
			continue
		}
		err := s.inspect(name)
		flaw, flawed := errors.AsType[flaw](err)
		if err != nil && !flawed {
			return err
		}
		if !flawed {
			continue
		}
		to, err := datadir.SetAside(s.config.DataDir, path)
		if err != nil {
			return err
		}
		s.config.Log.Warn("a snapshot is damaged and was put aside; an older one and the log take its place",
			"snapshot", name, "reason", flaw, "now_at", to)
	}
	return nil
}

// names are all snapshots, finished or not.
func (s *snapshotStore) names() ([]string, error) {
	entries, err := os.ReadDir(s.path)
	if err != nil {
		return nil, fmt.Errorf("read Raft's snapshots: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// inspect reads all of a snapshot. A [flaw] says that it can't be used.
func (s *snapshotStore) inspect(name string) error {
	if err := s.checkSeal(name); err != nil {
		return err
	}
	_, content, err := s.quiet.Open(name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("read Raft's snapshots: %w", err)
	case err != nil:
		return flaw{fmt.Sprintf("its content: %v", err)}
	}
	return content.Close()
}

// newest is the newest snapshot; its index is 0 where there is none.
func (s *snapshotStore) newest() (*raft.SnapshotMeta, error) {
	metas, err := s.List()
	if err != nil || len(metas) == 0 {
		return new(raft.SnapshotMeta), err
	}
	return metas[0], nil
}

// List returns the snapshots that have a good seal, the newest first.
func (s *snapshotStore) List() ([]*raft.SnapshotMeta, error) {
	metas, err := s.files.List()
	if err != nil {
		return nil, fmt.Errorf("read Raft's snapshots: %w", err)
	}
	var whole []*raft.SnapshotMeta
	for _, meta := range metas {
		if s.checkSeal(meta.ID) == nil {
			whole = append(whole, meta)
		}
	}
	return whole, nil
}

// Open opens a snapshot, whose content it verifies.
func (s *snapshotStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	if err := s.checkSeal(id); err != nil {
		return nil, nil, fmt.Errorf("snapshot %s: %w", id, err)
	}
	meta, content, err := s.files.Open(id)
	if err == nil {
		s.opened.Store(meta)
	}
	return meta, content, err
}

// Create begins a snapshot.
func (s *snapshotStore) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration,
	configurationIndex uint64, transport raft.Transport) (raft.SnapshotSink, error) {
	if err := s.broken.reason(); err != nil {
		return nil, err
	}
	if err := s.room(); err != nil {
		return nil, err
	}
	files, err := s.files.Create(version, index, term, configuration, configurationIndex, transport)
	if err != nil {
		return nil, s.failed(err)
	}
	return &sink{SnapshotSink: files, store: s}, nil
}

// reap removes the good snapshots but the newest ones.
func (s *snapshotStore) reap() error {
	metas, err := s.List()
	if err != nil {
		return err
	}
	for _, old := range metas[min(keptSnapshots, len(metas)):] {
		if err := os.RemoveAll(filepath.Join(s.path, old.ID)); err != nil {
			return err
		}
	}
	return nil
}

// discard removes a snapshot that was not finished, under either of its names.
func (s *snapshotStore) discard(id string) error {
	folder := filepath.Join(s.path, id)
	return errors.Join(os.RemoveAll(folder+tmpEnds), os.RemoveAll(folder))
}

// failed ends the node after an error of the disk. Where only the room has run out the snapshot is given up, and nothing
// else: all of it was written into a folder of its own, which is removed, and nobody relies on it.
func (s *snapshotStore) failed(err error) error {
	if err == nil || isFull(err) {
		return err
	}
	return s.broken.of(fmt.Errorf("write a snapshot into %s: %w", s.path, err))
}
