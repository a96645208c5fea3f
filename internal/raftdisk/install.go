package raftdisk

import (
	"errors"
	"fmt"
	"io"

	"github.com/hashicorp/raft"
)

// restoring watches over the snapshots that come from a leader.
//
// A snapshot that can't be restored ends the node: Raft would try an older one, or go on as if its content were applied.
type restoring struct {
	raft.BatchingFSM
	disk *Disk
}

func (r restoring) Restore(from io.ReadCloser) error {
	if err := r.BatchingFSM.Restore(from); err != nil {
		return r.disk.broken.of(err)
	}
	if !r.disk.log.starts.Load() { // at the start Settle has looked at it
		r.disk.installed(r.disk.snapshots.opened.Load())
	}
	return nil
}

// sameInstalls is how often in a row the same snapshot may come for nothing.
const sameInstalls = 5

// installs remembers what came last. It is for the goroutine of the state machine.
type installs struct {
	snapshot, last uint64 // the index of the snapshot, and of the log's last entry at that time
	count          int
}

// installed looks whether Raft will get past a snapshot that it has got from its leader. hashicorp/raft lets the log stand
// as it is, and compares its entry at the snapshot's index with what the leader says comes before the next entry. Where that
// is another one, since the log has a tail that was never committed, it refuses; the leader goes back, finds that it has not
// got the older entries any more, and sends the same snapshot, for ever. The node looks healthy meanwhile and falls behind.
// Only a start, at which Settle drops the tail, ends that.
func (d *Disk) installed(snapshot *raft.SnapshotMeta) {
	log, err := d.bounds()
	if err != nil || log.Last < snapshot.Index {
		return // Raft goes by the snapshot
	}
	var entry raft.Log
	switch err := d.entries.GetLog(snapshot.Index, &entry); {
	case err == nil && entry.Term != snapshot.Term:
		_ = d.broken.of(fmt.Errorf("%w (entry %d is of term %d, there of %d), "+
			"and hashicorp/raft does not get past them while it runs: this process ends, and the next start drops them",
			ErrDivergent, snapshot.Index, entry.Term, snapshot.Term))
	case errors.Is(err, raft.ErrLogNotFound):
		d.countInstall(snapshot.Index, log.Last)
	}
}

// countInstall is for a snapshot that ends where the log has no entry. Mostly that is well. Where the entries behind it are
// not the leader's, no start would tell: they may as well have been committed.
func (d *Disk) countInstall(snapshot, last uint64) {
	i := &d.installs
	if i.snapshot != snapshot || i.last != last {
		*i = installs{snapshot: snapshot, last: last}
	}
	if i.count++; i.count == sameInstalls {
		_ = d.broken.of(refusal(ErrDamaged, "the leader has sent the snapshot that ends at %d for the %dth time, and the log, which goes on to %d, does not fit to it", snapshot, i.count, last))
	}
}
