package node

import (
	"context"
	"errors"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
)

// errNobodyFit says that a node that should not lead has to go on.
var errNobodyFit = errors.New("no other voter answers that it is fit to lead")

// entrance is the membership as the writer sees it: entries get into the log through a leader that may take them. What
// Raft itself writes does not pass here.
type entrance struct {
	fsm.Cluster
	refusal func() error // nil where entries may pass
	sound   func() error // nil as long as what the state machine answers can be believed
}

// Commit appends an entry; see [cluster.Member.Commit]. One that is refused is not in the log.
func (e entrance) Commit(ctx context.Context, entry []byte) (any, error) {
	if err := e.refusal(); err != nil {
		return nil, err
	}
	answer, err := e.Cluster.Commit(ctx, entry)
	if wrong := e.sound(); err == nil && wrong != nil {
		return nil, fault.Unknown(wrong) // it is committed, and what became of it only the others can tell
	}
	return answer, err
}
