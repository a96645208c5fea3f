package integration

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/overlay"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/registry"
)

// before is muster from before the verdicts of health checks, as far as log and checkpoint are concerned: it reads neither such
// commands nor what came of them.
var before = []overlay.Change{
	{File: "fsm/command.go", Old: "commandVersion = 5", New: "commandVersion = 4"},
	{File: "store/format.go", Old: "format    = 5\n", New: "format    = 4\n"},
}

// A cluster is upgraded node by node, with a step back in between, while somebody writes. What only the new version can read
// is used when the last node has it, and then an old one is not let back.
func TestAClusterIsUpgradedNodeByNodeAndMayGoBackOnTheWay(t *testing.T) {
	old := overlay.Write(t, "../..", before)
	c := testcluster.PrepareProcesses(t, 3, "--bootstrap-expect", "3")
	for _, p := range c.Nodes {
		p.Overlay(old)
		p.Start()
	}
	c.AwaitReady()
	mustPut(t, c.Nodes[0].HTTP+"/v1/services/payments/instances/p1", fmt.Sprintf(
		`{"address": "127.0.0.1", "port": %d, "checks": [{"type": "tcp", "interval": "1s", "fall": 1}]}`, testcluster.FreePorts(t)))

	become := func(p *testcluster.Process, path string) {
		t.Helper()
		if err := p.Stop(); err != nil {
			t.Errorf("%s ends with %v", p.Name, err)
		}
		p.Overlay(path)
		p.Start()
		c.AwaitReady()
		mustPut(t, p.HTTP+"/v1/services/orders/instances/"+p.Name, `{"address": "10.0.0.8", "port": 80}`)
	}
	become(c.Nodes[0], "")
	become(c.Nodes[1], "")
	become(c.Nodes[0], old)
	become(c.Nodes[0], "")
	time.Sleep(5 * time.Second) // in which the check is made some times, and nobody may say what came of it
	if status := statusOf(t, c.Nodes[0], "payments", "p1"); status != registry.Unknown {
		t.Fatalf("with one node that could not read it, the verdict is %s", status)
	}

	become(c.Nodes[2], "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := testcluster.Poll(ctx, func(context.Context) error {
		if status := statusOf(t, c.Nodes[2], "payments", "p1"); status != registry.Unhealthy {
			return fmt.Errorf("nobody listens at the instance's port, and it is %s", status)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	testcluster.RequireSameState(t, c)

	if err := c.Nodes[2].Stop(); err != nil {
		t.Error(err)
	}
	c.Nodes[2].Overlay(old)
	c.Nodes[2].Start()
	err = testcluster.Poll(ctx, func(context.Context) error {
		if c.Nodes[2].Running() {
			return fmt.Errorf("an old muster runs on what a new one has written:\n%s", c.Nodes[2].Log())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func mustPut(t *testing.T, url, body string) {
	t.Helper()
	answer, err := testcluster.Do(t.Context(), http.MethodPut, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status >= 300 {
		t.Fatalf("%s: %d %s", url, answer.Status, answer.Body)
	}
}

func statusOf(t *testing.T, p *testcluster.Process, service, id string) registry.Status {
	t.Helper()
	answer, err := testcluster.Get(t.Context(), p.HTTP+"/v1/services/"+service+"/instances/"+id)
	if err != nil {
		t.Fatal(err)
	}
	var i registry.Instance
	if err := answer.Decode(&i); err != nil {
		t.Fatal(err)
	}
	return i.Status
}
