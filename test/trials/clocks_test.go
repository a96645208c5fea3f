package trials

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// jumps are the ways in which clocks go wrong: that of the leader, of one that follows, or all of them.
var jumps = []struct {
	what           string
	leader, others testcluster.Clock
}{
	{"the leader's clock jumps ahead by an hour", testcluster.Clock{Ahead: time.Hour}, testcluster.Clock{}},
	{"and back by a day", testcluster.Clock{Ahead: -24 * time.Hour}, testcluster.Clock{}},
	{"the leader's is right, the others' are a day ahead", testcluster.Clock{}, testcluster.Clock{Ahead: 24 * time.Hour}},
	{"the others' jump back by an hour", testcluster.Clock{}, testcluster.Clock{Ahead: -time.Hour}},
	{"the leader's goes too slowly, the others' too fast", testcluster.Clock{Drift: -0.05}, testcluster.Clock{Drift: 0.05}},
	{"they are two days apart", testcluster.Clock{Ahead: -24 * time.Hour}, testcluster.Clock{Ahead: 24 * time.Hour}},
}

// Wall clocks jump and drift, under writes and heartbeats, with the leader killed in between: no lease ends early, none lives
// on, no write is lost, and nobody loses the leadership over it. The clocks are believed in one thing only:
// transitions have the time of the leader.
func TestNobodyGoesByAClockThatJumps(t *testing.T) {
	rounds := int(dice.Number(t, "MUSTER_CLOCKS", 0))
	if rounds == 0 {
		t.Skip("NOT RUN: make clocks does; it builds Go's standard library anew, which takes minutes")
	}
	program := testcluster.OwnClocks(t, "../..")
	c := testcluster.PrepareProcesses(t, 3, "--bootstrap-expect", "3")
	for _, p := range c.Nodes {
		p.Overlay(program)
		p.SetClock(testcluster.Clock{})
		p.Start()
	}
	c.AwaitReady()
	stops := rounds * len(jumps)
	all := registerTenants(t, c, 100+10*stops, tenantTTL)
	w := &watchman{all: all, busy: time.Minute, shown: map[string]map[string]bool{}, answered: map[string]time.Time{}, serving: map[string]time.Time{}}
	ctx, end := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer end()
	for n, node := range all.nodes {
		running.Go(func() { w.watch(ctx, node) })
		mine := all.living[n*len(all.living)/3 : (n+1)*len(all.living)/3]
		running.Go(func() { all.agent(ctx, mine, n) })
	}
	l := startLoad(t, c, 4)
	pulse := startPulse(ctx, &running, l)

	changes, usual := 0, 0 // of the term, and how many there are while all clocks are right
	for round := range rounds {
		for n, jump := range jumps {
			right := termOf(t, c)
			time.Sleep(2 * tenantTTL)
			if termOf(t, c) != right {
				usual++
			}
			leader, before := c.Leader(), termOf(t, c)
			for _, p := range c.Others(leader) {
				p.SetClock(jump.others)
			}
			leader.SetClock(jump.leader)
			time.Sleep(tenantTTL / 2)
			if jump.leader.Drift == 0 {
				at, began := registeredAt(t, c, fmt.Sprintf("t%d-%d", round, n)), time.Now()
				off := at.Add(-jump.leader.Ahead).Sub(began)
				// Nothing is known of whose clock it was where the leader has changed meanwhile.
				if termOf(t, c) == before && off.Abs() > time.Minute {
					t.Errorf("%s, and a transition has a time that is %s off the leader's clock", jump.what, off)
				}
			}
			all.stop(10)
			time.Sleep(2 * tenantTTL)
			if after := termOf(t, c); after != before {
				changes++
				t.Logf("%s: the term went from %d to %d", jump.what, before, after)
			}
		}
		w.fault()
		leader := c.Leader()
		leader.Kill()
		time.Sleep(2*tenantTTL + noticed)
		leader.Start()
		c.AwaitReady()
		time.Sleep(tenantTTL)
	}
	time.Sleep(2*tenantTTL + noticed + looks)
	l.end()
	end()
	running.Wait()
	if changes > usual+stops/2 { // a machine that is too busy changes leaders, too
		t.Errorf("the term changed at %d of %d jumps, and %d times while the clocks were right", changes, stops, usual)
	}
	for _, p := range c.Nodes {
		l.requireNothingLost(p.HTTP)
		if shown := len(w.shown[p.HTTP]); shown != 10*stops {
			t.Errorf("%s has shown %d of the %d that stopped as expired", p.Name, shown, 10*stops)
		}
	}
	testcluster.RequireSameState(t, c)
	t.Logf("%d jumps and %d leaders killed: the term changed at %d jumps, and %d times while the clocks were right; %d heartbeats acknowledged, %d stopped, shown at the latest %s after their last heartbeat, %s around faults; %d writes acknowledged, the longest time without one %s",
		stops, rounds, changes, usual, all.sent, 10*stops, w.calm.Round(time.Millisecond), w.troubled.Round(time.Millisecond),
		l.acknowledged(), pulse.longest().Round(time.Millisecond))
}

// termOf is the term of the leader, as it says itself.
func termOf(t *testing.T, c *testcluster.Processes) uint64 {
	t.Helper()
	answer, err := testcluster.Get(t.Context(), c.Leader().HTTP+wire.PathCluster)
	var cluster wire.Cluster
	if err == nil {
		err = answer.Decode(&cluster)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cluster.Term
}

// registeredAt registers an instance and returns when that was. All nodes tell the same.
func registeredAt(t *testing.T, c *testcluster.Processes, id string) (at time.Time) {
	t.Helper()
	path := wire.PathInstance("clocks", id)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, p := range c.Nodes {
		var history wire.History
		err := testcluster.Poll(ctx, func(ctx context.Context) error {
			_, _ = testcluster.Do(ctx, http.MethodPut, p.HTTP+path, `{"address": "10.0.0.9", "port": 80}`) // again changes nothing
			answer, err := testcluster.Get(ctx, p.HTTP+path+"/history?consistency=linearizable")
			if err == nil {
				err = answer.Decode(&history)
			}
			if err == nil && len(history.Transitions) != 1 {
				err = fmt.Errorf("%d %s", answer.Status, answer.Body)
			}
			return err
		})
		if err != nil {
			t.Fatalf("the history of %s at %s: %v", id, p.Name, err)
		}
		if told := history.Transitions[0].Time; at.IsZero() {
			at = told
		} else if !told.Equal(at) {
			t.Errorf("%s says that %s was registered at %s, and another node at %s", p.Name, id, told, at)
		}
	}
	return at
}

// pulse is the longest time in which no write was acknowledged.
type pulse struct {
	mu  sync.Mutex
	gap time.Duration
}

// startPulse watches a load until ctx ends.
func startPulse(ctx context.Context, running *sync.WaitGroup, l *load) *pulse {
	p := &pulse{}
	running.Go(func() {
		last, since := l.acknowledged(), time.Now()
		for ctx.Err() == nil {
			time.Sleep(5 * time.Millisecond)
			if now := l.acknowledged(); now != last {
				last, since = now, time.Now()
			}
			p.mu.Lock()
			p.gap = max(p.gap, time.Since(since))
			p.mu.Unlock()
		}
	})
	return p
}

func (p *pulse) longest() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gap
}
