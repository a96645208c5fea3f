package integration

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// A leader that is cut off from both followers knows less than it thinks. It must not vouch for what it shows, must not
// acknowledge, and must find back by itself.
func TestALeaderInTheMinorityVouchesForNothing(t *testing.T) {
	c := testcluster.StartNodes(t, 3, nil)
	old := c.Leader()
	register(t, c.URL(old), "payments", "before")
	follower := (old + 1) % 3
	isolate(c, old)

	writeOnTheOtherSide(t, c.URL(follower))

	// What it still shows is old, and it says how old.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := testcluster.Poll(ctx, func(ctx context.Context) error {
		answer, err := testcluster.Get(ctx, c.URL(old)+"/v1/services/payments?max_stale=1s")
		if err == nil && answer.Status != 503 {
			err = fmt.Errorf("%d, age %s", answer.Status, answer.Header.Get("Muster-Age"))
		}
		return err
	})
	if err != nil {
		t.Fatalf("the old leader never calls its state too stale: %v", err)
	}
	answer := get(t, c.URL(old)+"/v1/services/payments?max_stale=1s")
	requireProblem(t, answer, 503, wire.CodeTooStale)
	answer = get(t, c.URL(old)+"/v1/services/payments?consistency=linearizable")
	requireProblem(t, answer, 503, wire.CodeNoLeader)

	answer, err = tryRegister(t.Context(), c.URL(old), "payments", "in-the-minority")
	if err != nil {
		t.Fatal(err)
	}
	if p := requireProblem(t, answer, 503, wire.CodeNoLeader); p.Outcome != wire.NotApplied {
		t.Errorf("the outcome is %q: the write never left the node", p.Outcome)
	}
	if answer.Header.Get("Retry-After") == "" {
		t.Error("the error is retryable and does not say when to retry")
	}

	c.Network.Heal()
	err = testcluster.Poll(ctx, func(ctx context.Context) error {
		answer, err := testcluster.Get(ctx, instanceURL(c.URL(old), "payments", "meanwhile")+"?consistency=linearizable")
		if err == nil && answer.Status != 200 {
			err = fmt.Errorf("%d %s", answer.Status, answer.Body)
		}
		return err
	})
	if err != nil {
		t.Fatalf("the old leader does not find back: %v", err)
	}
}

func isolate(c *testcluster.Nodes, node int) {
	var others []string
	for i, n := range c.Nodes {
		if i != node {
			others = append(others, n.PeerAddr())
		}
	}
	c.Network.Isolate(c.Nodes[node].PeerAddr(), others...)
}

// writeOnTheOtherSide writes where the majority is, once that has a new leader.
func writeOnTheOtherSide(t *testing.T, node string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := testcluster.Poll(ctx, func(context.Context) error {
		answer, err := tryRegister(ctx, node, "payments", "meanwhile")
		if err == nil && answer.Status != 200 && answer.Status != 201 {
			err = fmt.Errorf("%d %s", answer.Status, answer.Body)
		}
		return err
	})
	if err != nil {
		t.Fatalf("the majority takes no writes: %v", err)
	}
}

func get(t *testing.T, url string) testcluster.Answer {
	t.Helper()
	answer, err := testcluster.Get(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}
