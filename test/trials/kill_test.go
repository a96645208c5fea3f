package trials

import (
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
)

// frequentSnapshots makes Raft take a snapshot every few seconds of load and keep so little log that a node which was away
// needs one: kills come in the middle of snapshots and of their transfer too.
var frequentSnapshots = []string{"--snapshot-threshold", "200", "--trailing-logs", "20"}

// One to all three nodes are killed at random moments under load, and come back.
func TestKillingAnyNodesUnderLoadLosesNothing(t *testing.T) {
	c := testcluster.StartProcesses(t, 3, frequentSnapshots...)
	random := dice.New(t)
	l := startLoad(t, c, 8)
	began := time.Now()
	n := trials(t, 8)
	for range n {
		l.await(20)
		time.Sleep(time.Duration(random.IntN(500)) * time.Millisecond) // any moment
		victims := random.Perm(3)[:1+random.IntN(3)]
		for _, v := range victims {
			c.Nodes[v].Kill()
		}
		if random.IntN(2) == 0 && len(victims) == 1 {
			l.await(300) // so that the others take snapshots without it
		}
		for _, v := range victims {
			c.Nodes[v].Start()
		}
		c.AwaitReady()
		l.requireNothingLost(c.Nodes[random.IntN(3)].HTTP)
	}
	l.end()
	for _, p := range c.Nodes {
		l.requireNothingLost(p.HTTP)
	}
	testcluster.RequireSameState(t, c)
	t.Logf("%d trials in %s: %d writes acknowledged, %d tries left open and sent again, nothing lost", n, time.Since(began).Round(time.Second), l.acknowledged(), l.retried())
}
