package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/onlooker"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// drain deregisters an instance of payments with a drain and tells who had not confirmed.
func drain(t *testing.T, node *testcluster.Process, id, atMost string) (unconfirmed []string) {
	t.Helper()
	began := time.Now()
	answer, err := testcluster.Do(t.Context(), "DELETE", instanceURL(node.HTTP, "payments", id)+"?drain="+atMost, "")
	if err != nil {
		t.Fatal(err)
	}
	var gone wire.Deregistered
	if err := answer.Decode(&gone); err != nil || answer.Status != 200 || gone.Drained == nil {
		t.Fatalf("the drain of %s is answered %d %s (%v)", id, answer.Status, answer.Body, err)
	}
	t.Logf("%s, %s at most: %d confirmed and %d not, after %s", id, atMost, gone.Confirmed, len(gone.Unconfirmed), time.Since(began).Round(time.Millisecond))
	return gone.Unconfirmed
}

func TestADrainNamesWhoDoesNotConfirmAndTheNodesThatCannotTell(t *testing.T) {
	t.Parallel()
	c := testcluster.StartProcesses(t, 3)
	leader := c.Leader()
	others := c.Others(leader)
	for _, id := range []string{"p0", "p1", "p2", "p3", "p4", "p5", "p6"} {
		register(t, leader.HTTP, "payments", id)
	}
	crowd := onlooker.NewCrowd(t)
	for i := range 199 {
		crowd.Watch(c.Nodes[i%3].HTTP, "payments", fmt.Sprint("w", i), 0)
	}
	sleepy := crowd.Watch(leader.HTTP, "payments", "sleepy", 0)
	requireNamed := func(got []string, watches []string, nodes ...*testcluster.Process) {
		t.Helper()
		var want []string
		for _, p := range nodes {
			want = append(want, "node:"+p.Name)
		}
		slices.Sort(want)
		if want = append(watches, want...); !slices.Equal(got, want) {
			t.Errorf("%q are named, and should be %q", got, want)
		}
	}

	for i, p := range c.Nodes { // the cluster is young, but nobody can have watched before it was there
		requireNamed(drain(t, p, fmt.Sprint("p", i), "10s"), nil)
	}

	sleepy.Freeze()
	asleep := []string{"sleepy"}
	requireNamed(drain(t, others[0], "p3", "5s"), asleep)

	others[0].Pause()
	requireNamed(drain(t, leader, "p4", "5s"), asleep, others[0])
	others[0].Resume()

	others[1].Kill()
	requireNamed(drain(t, leader, "p5", "5s"), asleep, others[1])
	others[1].Start()
	c.AwaitReady()
	out := mustCommand(t, "deregister", "payments", "p6", "--drain", "1s", "--addr", leader.HTTP)
	if !strings.HasSuffix(out, "unconfirmed by 2\n  sleepy\n  node:"+others[1].Name+"\n") {
		t.Errorf("with a node that is back the command prints\n%s", out)
	}
}
