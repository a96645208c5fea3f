package simulation

import (
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/raft"
)

// storage is a mounted disk as a member has it: what package raftdisk is with files.
type storage struct {
	*mount
	failed func(error)
}

var errLogLost = errors.New("the log is behind the checkpoint")

// Settle begins with the checkpoint unless Raft's newest snapshot is further, and drops a log that contradicts that.
func (s storage) Settle(applied uint64) (fromCheckpoint bool, err error) {
	newest := s.newest()
	if s.diverges(newest) {
		first, last := s.content.bounds()
		if err := s.DeleteRange(first, last); err != nil {
			return false, err
		}
	}
	first, last := s.content.bounds()
	if applied > max(last, newest.Index) || first > newest.Index+1 {
		return false, fmt.Errorf("%w: the checkpoint stands at %d, the log has %d to %d, the newest snapshot ends at %d", errLogLost, applied, first, last, newest.Index)
	}
	return applied >= newest.Index, nil
}

func (s storage) newest() raft.SnapshotMeta {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.content.snapshots) == 0 {
		return raft.SnapshotMeta{}
	}
	return s.content.snapshots[0].meta
}

// diverges tells whether the log has another entry at the end of a snapshot.
func (s storage) diverges(snapshot raft.SnapshotMeta) bool {
	var entry raft.Log
	return s.GetLog(snapshot.Index, &entry) == nil && entry.Term != snapshot.Term
}

// StartRaft opens Raft.
func (s storage) StartRaft(config *raft.Config, machine raft.BatchingFSM, transport raft.Transport) (*raft.Raft, error) {
	return raft.NewRaft(config, installing{machine, s}, s.mount, s.mount, snapshots{s.mount}, transport)
}

// Close leaves everything as it is.
func (s storage) Close() error { return nil }

// installing ends the process where hashicorp/raft would get the same snapshot for ever, as package raftdisk does.
type installing struct {
	raft.BatchingFSM
	storage storage
}

func (i installing) Restore(from io.ReadCloser) error {
	err := i.BatchingFSM.Restore(from)
	if err == nil && i.storage.diverges(i.storage.newest()) {
		err = errors.New("the log contradicts a snapshot that was installed: only a new start drops it")
	}
	if err != nil {
		i.storage.failed(err)
	}
	return err
}
