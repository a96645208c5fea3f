package raftdisk

import (
	"errors"

	"github.com/hashicorp/raft"
)

// dropDivergent drops the log where its entry at the snapshot's index is of another term. hashicorp/raft takes a leader's
// snapshot without it, and then refuses every entry that follows, since the one before it is the wrong one: for ever.
// What it drops was never committed, and what came before the snapshot is in the snapshot. A log that has no such entry is
// left alone: Raft goes by the snapshot there.
func (d *Disk) dropDivergent(snapshot *raft.SnapshotMeta) error {
	log, err := d.bounds()
	if err != nil {
		return err
	}
	divergent, err := d.diverges(log, snapshot)
	if err != nil || !divergent {
		return err
	}
	d.config.Log.Warn("Raft's log contradicts the snapshot that the leader has sent; its entries, none of which was committed, are dropped",
		"snapshot", snapshot.Index, "first", log.First, "last", log.Last)
	return d.entries.DeleteRange(log.First, log.Last)
}

// diverges tells whether the log has another entry at the snapshot's index than the one that the snapshot ends with. The
// entry may be damaged. By itself that is no harm, as the snapshot has what it was, but those behind it may have been
// acknowledged by this node: they stay if they follow the snapshot, and must go if they do not.
func (d *Disk) diverges(log bounds, snapshot *raft.SnapshotMeta) (bool, error) {
	var entry raft.Log
	switch err := d.entries.read(snapshot.Index, &entry); {
	case errors.Is(err, raft.ErrLogNotFound):
		return false, nil
	case err == nil:
		return entry.Term != snapshot.Term, nil
	case log.Last == snapshot.Index:
		return false, nil // nothing is behind it
	}
	// The next entry may tell. A leader writes its log from front to back, and is the only one of its term: where the next
	// entry is of the snapshot's term too, its leader had put it behind the very entry that the snapshot ends with. Where it is
	// of an earlier one, so was the entry before it, since terms never fall within a log, and that is not the one that was
	// committed. But of a later term the next entry can follow either, and then nobody knows: to drop the log might lose
	// what this node has acknowledged, and to keep it might pass off what was never committed. So the start is refused.
	var next raft.Log
	if err := d.entries.read(snapshot.Index+1, &next); err == nil && next.Term <= snapshot.Term {
		return next.Term < snapshot.Term, nil
	}
	return false, d.entries.GetLog(snapshot.Index, &entry)
}
