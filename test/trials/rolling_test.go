package trials

import (
	"regexp"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// All nodes are stopped in good order and started again, one after the other, under load: no write is refused for good. Now
// and then a connection comes in at the very moment at which a node stops listening, and the kernel resets it: its caller
// can't know what became of the write, and would repeat it with an idempotency key once there are such keys. Those are
// counted.
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
	for _, p := range c.Nodes {
		l.requireNothingLost(p.HTTP)
		longest = max(longest, slowestHandOver(t, p))
	}
	testcluster.RequireSameState(t, c)
	t.Logf("%d rounds: %d writes acknowledged, none failed, %d left open; the slowest hand-over took %s", n, l.acknowledged(), len(l.unknown()), longest)
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
