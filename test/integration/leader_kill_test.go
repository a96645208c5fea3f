package integration

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// rounds is how often the leader is killed. MUSTER_ROUNDS changes it.
func rounds(t *testing.T, usual int) int {
	text := os.Getenv("MUSTER_ROUNDS")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("MUSTER_ROUNDS is a number, not %q", text)
	}
	return n
}

// Three processes; again and again, each takes a registration, the others show it, the leader is killed, a write succeeds
// without it, it comes back, and all three hold the same state, in which nothing acknowledged is missing.
func TestNothingAcknowledgedIsLostWhenTheLeaderIsKilledAgainAndAgain(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	var acknowledged []string
	var longest time.Duration
	for round := range rounds(t, 20) {
		for i, p := range c.Nodes {
			id := fmt.Sprintf("r%02d-n%d", round, i+1)
			index := register(t, p.HTTP, "payments", id)
			acknowledged = append(acknowledged, id)
			for _, other := range c.Others(p) {
				if ids := discover(t, other.HTTP, "payments", index); !slices.Contains(ids, id) {
					t.Fatalf("%s was registered at %s with index %s; %s, at that index, shows %v", id, p.Name, index, other.Name, ids)
				}
			}
		}

		leader := c.Leader()
		leader.Kill()
		killed := time.Now()
		id := fmt.Sprintf("r%02d-after", round)
		writeUntilAcknowledged(t, c.Others(leader)[round%2].HTTP, id)
		longest = max(longest, time.Since(killed))
		acknowledged = append(acknowledged, id)

		leader.Start()
		c.AwaitReady()
		requireSameState(t, c, acknowledged)
	}
	t.Logf("longest time from the leader's kill to the next acknowledged write: %s", longest.Round(time.Millisecond))
}

// writeUntilAcknowledged does what a client does: a write whose outcome is unknown is sent again.
func writeUntilAcknowledged(t *testing.T, node, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := testcluster.Poll(ctx, func(context.Context) error {
		answer, err := tryRegister(ctx, node, "payments", id)
		if err == nil && answer.Status != 200 && answer.Status != 201 {
			err = fmt.Errorf("%d %s", answer.Status, answer.Body)
		}
		return err
	})
	if err != nil {
		t.Fatalf("no write succeeds without the old leader: %v", err)
	}
}

// requireSameState waits until all nodes stand at one index, and compares what they hold there.
func requireSameState(t *testing.T, c *testcluster.Processes, acknowledged []string) {
	t.Helper()
	testcluster.RequireSameState(t, c)
	for _, p := range c.Nodes {
		ids := discover(t, p.HTTP, "payments", "0")
		for _, id := range acknowledged {
			if _, found := slices.BinarySearch(ids, id); !found {
				t.Fatalf("%s was acknowledged and %s does not show it", id, p.Name)
			}
		}
		if len(ids) != len(acknowledged) {
			t.Fatalf("%s shows %d instances, and %d were acknowledged", p.Name, len(ids), len(acknowledged))
		}
	}
}
