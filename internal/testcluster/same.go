package testcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/musterhq/muster/internal/wire"
)

// RequireSameState waits until all nodes stand at one index, and fails the test where they hold different states there.
// Nobody may write meanwhile.
func RequireSameState(t testing.TB, c *Processes) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := Poll(ctx, func(ctx context.Context) error {
		first, err := SelfOf(ctx, c.Nodes[0].HTTP)
		if err != nil {
			return err
		}
		for _, p := range c.Nodes[1:] {
			other, err := SelfOf(ctx, p.HTTP)
			switch {
			case err != nil:
				return err
			case other.AppliedIndex != first.AppliedIndex:
				return fmt.Errorf("%s stands at %d, %s at %d", c.Nodes[0].Name, first.AppliedIndex, p.Name, other.AppliedIndex)
			case other.StateHash != first.StateHash:
				t.Fatalf("%s and %s stand at %d with different states", c.Nodes[0].Name, p.Name, other.AppliedIndex)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// SelfOf asks the node at a base URL how it sees itself.
func SelfOf(ctx context.Context, base string) (wire.Self, error) {
	var s wire.Self
	answer, err := Get(ctx, base+wire.PathSelf)
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
