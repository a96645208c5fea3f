package policies

import (
	"fmt"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
)

// full is the fleet of make policies, with so many seconds for each strategy in each scenario. A call takes long, so that two
// processors can make as many as keep twenty servers busy.
func full(seconds uint64) fleet {
	return fleet{callers: 20, servers: 20, mean: 100 * time.Millisecond, load: 0.7,
		warmup: 2 * time.Second, length: time.Duration(seconds) * time.Second}
}

// small is a fleet for a machine that has other things to do, too.
func small() fleet {
	return fleet{callers: 4, servers: 5, mean: 80 * time.Millisecond, load: 0.6, warmup: time.Second, length: 3 * time.Second}
}

// Every strategy in every scenario. What adaptive owes stands here in figures.
func TestEveryPolicyInEveryScenario(t *testing.T) {
	seconds := dice.Number(t, "MUSTER_POLICIES", 0)
	if seconds == 0 {
		t.Skip("make policies runs it")
	}
	f, only := full(seconds), selected(t)
	t.Logf("%d callers, %d servers of %d workers, exponential service of %s on average, %.0f calls a second, %s for each strategy, and a minute where one fails",
		f.callers, f.servers, workers, f.mean, f.callsPerSecond(), f.length)
	for _, s := range scenarios {
		strategies := only.strategies(s)
		if len(strategies) == 0 {
			continue
		}
		t.Run(string(s), func(t *testing.T) {
			f := f
			if s == oneFails {
				f.length = max(f.length, time.Minute) // each caller has to find out for itself, and does so in the beginning
			}
			var rows []figures
			found := map[string]figures{}
			for _, strategy := range strategies {
				row := f.run(t, strategy, s)
				rows, found[strategy] = append(rows, row), row
			}
			fmt.Print(table(s, rows)) // as it goes into the docs, which the lines of a test's log would not
			adaptive, p2c := found["adaptive"], found["p2c"]
			if s == changinglySlow && adaptive.calls > 0 && p2c.calls > 0 && adaptive.p99 > p2c.p99/2 {
				t.Errorf("adaptive has a p99 of %s, more than half of p2c's %s", adaptive.p99, p2c.p99)
			}
			if s == oneFails && adaptive.lost >= 0.001 {
				t.Errorf("adaptive lost %.2f%% of the calls", 100*adaptive.lost)
			}
		})
	}
}

// A server that fails at once is never busy. Whoever looks only at what is in flight sends it more than its share.
func TestAdaptiveAvoidsAServerThatFailsAtOnce(t *testing.T) {
	p2c, adaptive := small().run(t, "p2c", oneFails), small().run(t, "adaptive", oneFails)
	t.Log(table(oneFails, []figures{p2c, adaptive}))
	if p2c.lost == 0 {
		t.Error("p2c lost no call: no server failed")
	}
	if adaptive.lost >= p2c.lost/2 {
		t.Errorf("adaptive lost %.2f%% of the calls, p2c %.2f%%", 100*adaptive.lost, 100*p2c.lost)
	}
}

// A slow server that gets as many calls as the others can't keep up, and its queue grows without end.
func TestAdaptiveSparesASlowServerWhatItCantDo(t *testing.T) {
	roundRobin, adaptive := small().run(t, "round-robin", someSlow), small().run(t, "adaptive", someSlow)
	t.Log(table(someSlow, []figures{roundRobin, adaptive}))
	if adaptive.p99 >= roundRobin.p99 || adaptive.lost > 0 {
		t.Errorf("adaptive has a p99 of %s and lost %.2f%%; round robin has %s", adaptive.p99, 100*adaptive.lost, roundRobin.p99)
	}
}
