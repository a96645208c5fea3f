package raftdisk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/crc32c"
)

const (
	// sealFormat is the version of the seal.
	sealFormat = 1

	sealName = "seal"
	metaName = "meta.json" // hashicorp/raft's
	tmpEnds  = ".tmp"      // the name of a folder in which hashicorp/raft has not finished a snapshot
)

// mark is what the seal of a snapshot holds.
type mark struct {
	Format int    `json:"format"`
	RaftID string `json:"raft_id"` // of the node that has the snapshot
	Meta   uint32 `json:"meta"`    // the checksum of meta.json
}

// setSeal ends a snapshot. It is durable.
func (s *snapshotStore) setSeal(id string) error {
	folder := filepath.Join(s.path, id)
	meta, err := os.ReadFile(filepath.Join(folder, metaName))
	if err != nil {
		return err
	}
	b, err := seal(mark{Format: sealFormat, RaftID: s.config.RaftID, Meta: crc32c.Sum(meta)})
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(folder, sealName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return syncDirectory(folder)
}

// checkSeal tells whether a snapshot was finished, and is as it was then but for its content. A [flaw] says that it is not.
func (s *snapshotStore) checkSeal(id string) error {
	folder := filepath.Join(s.path, id)
	b, err := os.ReadFile(filepath.Join(folder, sealName))
	var m mark
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return flaw{"it was not finished"}
	case err != nil:
		return fmt.Errorf("read Raft's snapshots: %w", err)
	}
	if err := unseal(b, &m); err != nil {
		return flaw{"its seal: " + err.Error()}
	}
	switch {
	case m.Format > sealFormat:
		return newerFormat(filepath.Join(folder, sealName), m.Format, sealFormat)
	case m.RaftID != s.config.RaftID:
		return refusal(ErrForeign, "the snapshot %s belongs to the node with the id %s, and this one is %s", folder, m.RaftID, s.config.RaftID)
	}
	meta, err := os.ReadFile(filepath.Join(folder, metaName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read Raft's snapshots: %w", err)
	}
	if err != nil || crc32c.Sum(meta) != m.Meta {
		return flaw{"its meta.json is not what it was"}
	}
	return nil
}

// sink takes the content of a snapshot, and ends the node where the disk does not.
type sink struct {
	raft.SnapshotSink
	store *snapshotStore

	ended bool
	err   error
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.SnapshotSink.Write(b)
	return n, s.store.failed(err)
}

// Close finishes the snapshot: the seal makes it the newest one, and only then an older one goes. Where the seal can't be
// set, though hashicorp/raft has put the folder under its name already, the folder is removed and all is as before.
// Only the first call of Close or Cancel counts: the state machine and Raft both make one.
func (s *sink) Close() error {
	if s.ended {
		return s.err
	}
	s.ended = true
	err := s.SnapshotSink.Close()
	if err == nil {
		err = s.store.setSeal(s.ID())
	}
	if err != nil {
		s.err = s.giveUp(err)
		return s.err
	}
	s.err = s.store.failed(s.store.reap())
	return s.err
}

// Cancel gives the snapshot up.
func (s *sink) Cancel() error {
	if s.ended {
		return s.err
	}
	s.ended = true
	s.err = s.giveUp(s.SnapshotSink.Cancel())
	return s.err
}

// giveUp removes what is there of the snapshot, since hashicorp/raft does not do so after every error: what is left would
// take up the very room that has run out.
func (s *sink) giveUp(err error) error {
	return errors.Join(s.store.failed(err), s.store.failed(s.store.discard(s.ID())))
}
