package node

import (
	"context"
	"errors"
	"testing"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
)

// committing is a membership that commits everything.
type committing struct {
	fsm.Cluster
	commits int
}

func (c *committing) Commit(context.Context, []byte) (any, error) {
	c.commits++
	return "answer", nil
}

func TestAnEntryThatIsRefusedNeverGetsToTheLog(t *testing.T) {
	c := &committing{}
	refusal := fault.ErrDiskFull
	e := entrance{c, func() error { return refusal }, func() error { return nil }}
	if _, err := e.Commit(t.Context(), nil); !errors.Is(err, fault.ErrDiskFull) || fault.IsUnknown(err) || c.commits > 0 {
		t.Errorf("%v after %d commits", err, c.commits)
	}
	refusal = nil
	if answer, err := e.Commit(t.Context(), nil); err != nil || answer != "answer" {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestTheAnswerOfAWrongStateIsNoAnswer(t *testing.T) {
	e := entrance{&committing{}, func() error { return nil }, func() error { return fault.ErrNotReady }}
	if answer, err := e.Commit(t.Context(), nil); !fault.IsUnknown(err) || !errors.Is(err, fault.ErrNotReady) || answer != nil {
		t.Errorf("%v, %v", answer, err)
	}
}
