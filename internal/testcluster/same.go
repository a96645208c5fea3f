package testcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
)

// RequireSameState waits until all nodes stand at one index, and fails the test where they hold different states there.
// Nobody may write meanwhile.
func RequireSameState(t testing.TB, c *Processes) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := Poll(ctx, func(ctx context.Context) error {
		first, err := selfOf(ctx, c.Nodes[0])
		if err != nil {
			return err
		}
		for _, p := range c.Nodes[1:] {
			other, err := selfOf(ctx, p)
			switch {
			case err != nil:
				return err
			case other.Index != first.Index:
				return fmt.Errorf("%s stands at %d, %s at %d", c.Nodes[0].Name, first.Index, p.Name, other.Index)
			case other.Hash != first.Hash:
				t.Fatalf("%s and %s stand at %d with different states", c.Nodes[0].Name, p.Name, other.Index)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

type self struct {
	State string `json:"state"`
	Index uint64 `json:"applied_index"`
	Hash  string `json:"state_hash"`
}

func selfOf(ctx context.Context, p *Process) (self, error) {
	var s self
	answer, err := Get(ctx, p.HTTP+"/v1/cluster/self")
	if err == nil {
		err = answer.Decode(&s)
	}
	return s, err
}

// IsRefused tells whether a call failed since no connection came about: it never left.
func IsRefused(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial"
}
