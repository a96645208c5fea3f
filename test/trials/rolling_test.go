package trials

import (
	"regexp"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// All nodes are stopped in good order and started again, one after the other, under load: no write fails that is sent again as
// the contract says. Now and then a connection comes in at the very moment at which a node stops listening, and the kernel
// resets it: its caller can't know what became of the write, and sends it again with its key. Those tries are counted.
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
	if open := l.open(); len(open) > 0 {
		t.Errorf("%d writes were left open, the first by: %v", len(open), open[0])
	}
	for _, p := range c.Nodes {
		l.requireNothingLost(p.HTTP)
		longest = max(longest, slowestHandOver(t, p))
	}
	testcluster.RequireSameState(t, c)
	t.Logf("%d rounds: %d writes acknowledged, none failed, %d tries were sent again; the slowest hand-over took %s", n, l.acknowledged(), l.retried(), longest)
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
