package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// After a power cut the first node to come back has a state on its disk, but nobody to tell it what it missed.
func TestANodeThatComesBackAloneAnswersNothingRatherThanSomethingOld(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	register(t, c.Nodes[0].HTTP, "payments", "p1")
	for _, p := range c.Nodes {
		p.Kill()
	}
	first := c.Nodes[0]
	first.Start()
	awaitServing(t, first)
	for _, path := range []string{"/v1/services", "/v1/services/payments", "/v1/services/payments/instances/p1", "/v1/services/nobody"} {
		requireProblem(t, get(t, first.HTTP+path), 503, wire.CodeNotReady)
	}
	if answer := get(t, first.HTTP+"/readyz"); answer.Status != 503 {
		t.Errorf("readyz: %d %s", answer.Status, answer.Body)
	}

	c.Nodes[1].Start() // two of three are a majority
	c.AwaitReady()
	if ids := discover(t, first.HTTP, "payments", "0"); len(ids) != 1 {
		t.Errorf("after the start it shows %v", ids)
	}
}

func TestANodeMayBeToldToAnswerFromItsDiskAtOnce(t *testing.T) {
	c := testcluster.StartProcesses(t, 3, "--allow-stale-start")
	index := register(t, c.Nodes[0].HTTP, "payments", "p1")
	for _, p := range c.Nodes {
		discover(t, p.HTTP, "payments", index)
		if err := p.Stop(); err != nil { // in good order, so that the checkpoint has everything
			t.Errorf("%s: %v\n%s", p.Name, err, p.Log())
		}
	}
	first := c.Nodes[0]
	first.Start()
	awaitServing(t, first)
	if ids := discover(t, first.HTTP, "payments", "0"); len(ids) != 1 {
		t.Errorf("it shows %v", ids)
	}
	requireProblem(t, get(t, first.HTTP+"/v1/services/payments?max_stale=24h"), 503, wire.CodeTooStale)
}

func TestAStopInGoodOrderHandsLeadershipOverAndExitsWithZero(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	leader := c.Leader()
	if err := leader.Stop(); err != nil {
		t.Fatalf("exit: %v\n%s", err, leader.Log())
	}
	// Nobody waited for an election time-out: the others have a leader already.
	answer := get(t, c.Others(leader)[0].HTTP+"/readyz")
	if answer.Status != 200 {
		t.Errorf("readyz after the stop: %d %s", answer.Status, answer.Body)
	}
	for _, p := range c.Others(leader) {
		if strings.Contains(p.Log(), "heartbeat timeout reached") && strings.Contains(p.Log(), leader.Name) {
			t.Logf("%s noticed the end of the leader by a time-out:\n%s", p.Name, p.Log())
		}
	}
	register(t, c.Others(leader)[0].HTTP, "payments", "after")
}

// awaitServing waits until the process answers at all.
func awaitServing(t *testing.T, p *testcluster.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := testcluster.Poll(ctx, func(ctx context.Context) error {
		answer, err := testcluster.Get(ctx, p.HTTP+"/healthz")
		if err == nil && answer.Status != 200 {
			err = fmt.Errorf("%d", answer.Status)
		}
		return err
	})
	if err != nil {
		t.Fatalf("%s does not serve: %v\n%s", p.Name, err, p.Log())
	}
}
