package store

import (
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// Image is what a checkpoint holds: a state, and where in the history of which cluster it belongs.
type Image struct {
	ClusterID string
	Index     uint64      // of the last log entry that the state contains; the State's own
	Term      uint64      // of that entry
	Hash      record.Hash // of the instances, of the Staging, of the Receipts and of the History
	State     *registry.State
	Staging   Staging  // of an operator's restore
	Receipts  Receipts // of writes with an idempotency key
	History   History  // of the instances
	Commands  int      // the newest version of the log's commands that made it
}

// empty is the image of a file in which nothing was ever saved.
func empty() Image { return Image{State: registry.NewState()} }
