package trials

import (
	"regexp"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// All nodes are stopped in good order and started again, one after the other, under load: no client notices more than that
// it has to ask another node.
func TestARollingRestartFailsNoWrite(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	l := startLoad(t, c, 8)
	var longest time.Duration
	n := trials(t, 2)
	for range n {
		for _, p := range c.Nodes {
			l.await(100)
			if err := p.Stop(); err != nil {
				t.Fatalf("%s: %v\n%s", p.Name, err, p.Log())
			}
			l.await(50)
			p.Start()
			c.AwaitReady()
		}
	}
	l.end()
	for _, open := range l.unknown() {
		t.Errorf("a write was left open: %v", open)
	}
	for _, p := range c.Nodes {
		l.requireNothingLost(p.HTTP)
		longest = max(longest, slowestHandOver(t, p))
	}
	testcluster.RequireSameState(t, c)
	t.Logf("%d rounds: %d writes acknowledged, none failed; the slowest hand-over took %s", n, l.acknowledged(), longest)
}

// slowestHandOver reads from a node's log how long its hand-overs took.
func slowestHandOver(t *testing.T, p *testcluster.Process) (slowest time.Duration) {
	for _, m := range regexp.MustCompile(`leadership was handed over.* took=(\S+)`).FindAllStringSubmatch(p.Log(), -1) {
		took, err := time.ParseDuration(m[1])
		if err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, took)
	}
	return slowest
}
