package raftdisk

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/boltfile"
)

// Settle decides what a start begins with: the node's own checkpoint, which stands for the log up to applied, or Raft's
// newest snapshot, where that is further. It refuses to begin with less than this node has had already, or with a hole.
//
// It is not trusted that a snapshot which lies there was ever applied: a node that was killed while it took one from its
// leader has it, and not its content. Only the checkpoint knows what it stands for.
func (d *Disk) Settle(applied uint64) (fromCheckpoint bool, err error) {
	newest, err := d.snapshots.newest()
	if err != nil {
		return false, err
	}
	if err := d.dropDivergent(newest); err != nil {
		return false, err
	}
	log, err := d.bounds()
	switch {
	case err != nil:
		return false, err
	case applied > max(log.Last, newest.Index):
		return false, refusal(ErrLost, "the state on this disk stands at index %d, while Raft's log has %s, and its newest snapshot ends at %d", applied, log, newest.Index)
	case log.First > newest.Index+1:
		return false, refusal(ErrGap, "the log has %s, and the newest snapshot that is whole ends at %d", log, newest.Index)
	}
	return applied >= newest.Index, d.dropDamaged(log.First, min(log.Last, newest.Index))
}

// dropDamaged drops the beginning of the log up to the last damaged entry that the snapshot stands for. Such an entry is
// needed for nothing but to spare a follower the snapshot. Left in the log it would end this node when a follower asks.
func (d *Disk) dropDamaged(first, last uint64) error {
	var damaged uint64
	var entry raft.Log
	for index := first; index <= last && first > 0; index++ {
		if err := d.entries.read(index, &entry); err != nil && !errors.Is(err, raft.ErrLogNotFound) {
			d.config.Log.Warn("an entry of Raft's log is damaged; the snapshot has what it was, and the log up to it is dropped", "index", index, "reason", err)
			damaged = index
		}
	}
	if damaged == 0 {
		return nil
	}
	return d.entries.DeleteRange(first, damaged)
}

// StartRaft opens Raft on this storage. From then on an error of the storage is told to [Config.Failed].
func (d *Disk) StartRaft(config *raft.Config, machine raft.BatchingFSM, transport raft.Transport) (r *raft.Raft, err error) {
	cached, err := raft.NewLogCache(cachedEntries, d.log)
	if err != nil {
		return nil, err
	}
	if d.log.end, err = d.log.LastIndex(); err != nil {
		return nil, err
	}
	newest, err := d.snapshots.newest()
	if err != nil {
		return nil, err
	}
	d.log.begin = newest.Index
	d.log.starts.Store(true)
	started := make(chan struct{})
	go func() { // where the storage fails, this goroutine just ends; see lastWord
		defer close(started)
		err = boltfile.Guard(func() error {
			r, err = raft.NewRaft(config, restoring{machine, d}, cached, d.Stable(), d.snapshots, transport)
			return err
		})
	}()
	<-started
	d.log.starts.Store(false)
	if reason := d.broken.reason(); reason != nil {
		err = reason
	}
	if err != nil {
		if r != nil {
			err = errors.Join(err, r.Shutdown().Error())
		}
		return nil, fmt.Errorf("start Raft: %w", err)
	}
	return r, nil
}
