package trials

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// TTL of the tenants, and what the promise adds to it.
const (
	tenantTTL = 3 * time.Second
	noticed   = 1500 * time.Millisecond

	// looks is what the test itself may take to look at a node.
	looks = 500 * time.Millisecond
)

// watchman looks at what nodes show of the tenants, from their own memory, again and again.
type watchman struct {
	all  *tenants
	busy time.Duration // how much later than promised is still no failure: where the machine may be too busy to tell

	mu       sync.Mutex
	faults   []time.Time // a leader left, or a node that took heartbeats
	calm     time.Duration
	troubled time.Duration
	shown    map[string]map[string]bool // by node: the stopped tenants that it has shown as expired
	answered map[string]time.Time       // by node: when it last answered with what is new
	serving  map[string]time.Time       // by node: since when it has done so without a break
}

// watch looks at one node until ctx ends.
func (w *watchman) watch(ctx context.Context, node string) {
	for ctx.Err() == nil {
		limited, cancel := context.WithTimeout(ctx, 2*time.Second)
		began := time.Now()
		answer, err := testcluster.Get(limited, node+"/v1/services/tenants?status=unhealthy")
		cancel()
		if err == nil && answer.Status == 200 {
			w.judge(node, began, answer)
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// judge compares what a node has shown with what is known of the tenants.
func (w *watchman) judge(node string, began time.Time, answer testcluster.Answer) {
	var found struct{ Instances []registry.Instance }
	if err := answer.Decode(&found); err != nil {
		w.all.t.Error(err)
		return
	}
	age, _ := strconv.Atoi(answer.Header.Get(wire.HeaderAge))
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	expired := map[string]bool{}
	for _, i := range found.Instances {
		expired[i.ID] = true
		one := w.all.byID[i.ID]
		if early := one.acknowledged.Add(w.all.ttl).Sub(now); !one.stopped || early > 0 {
			w.all.t.Errorf("%s shows %s as expired %s after its last acknowledged heartbeat was sent (stopped: %t)", node, i.ID, now.Sub(one.acknowledged), one.stopped)
		}
	}
	if time.Duration(age)*time.Millisecond > looks || now.Sub(began) > looks {
		return // it says itself that it shows old things, or the test is slow
	}
	if now.Sub(w.answered[node]) > 2*looks {
		w.serving[node] = now
	}
	w.answered[node] = now
	for id, one := range w.all.byID {
		if one.stopped && !w.shown[node][id] {
			w.late(node, one, expired[id], now)
		}
	}
}

// late judges a stopped tenant that the node has not shown as expired before. A node that was away itself has until it is
// back.
func (w *watchman) late(node string, one *tenant, expired bool, now time.Time) {
	took := now.Sub(one.tried)
	limit, longest := w.all.ttl+noticed, &w.calm
	for _, fault := range w.faults {
		if fault.After(one.tried.Add(-2*time.Second)) && fault.Before(one.tried.Add(limit)) {
			limit, longest = 2*w.all.ttl+noticed, &w.troubled
			break
		}
	}
	if expired {
		if w.shown[node] == nil {
			w.shown[node] = map[string]bool{}
		}
		w.shown[node][one.id] = true
		if w.serving[node].After(one.tried) {
			return
		}
		*longest = max(*longest, took)
	}
	if took > limit+looks+w.busy {
		w.all.t.Errorf("%s, which is %s after its last heartbeat, was not shown as expired by %s within %s", one.id, took, node, limit)
	}
}

func (w *watchman) fault() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, time.Now())
}

// Leases kept by heartbeats in batches through all nodes, while the leader is killed, the leader is frozen for 10 s, and a
// follower is cut off, in turn. Nobody who lives is ever shown as expired, on any node, and everybody who stops is, in time.
func TestNoFaultBuriesTheLivingOrKeepsTheDead(t *testing.T) {
	leases := int(dice.Number(t, "MUSTER_TENANTS", 300))
	c, proxies := startBehindProxies(t)
	all := registerTenants(t, c, leases, tenantTTL)
	w := &watchman{all: all, shown: map[string]map[string]bool{}, answered: map[string]time.Time{}, serving: map[string]time.Time{}}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	batch := max(50, leases/20)
	for at := 0; at < leases; at += batch {
		mine := all.living[at:min(at+batch, leases)]
		running.Go(func() { all.agent(ctx, mine, at/batch) })
	}
	for _, node := range all.nodes {
		running.Go(func() { w.watch(ctx, node) })
	}

	began := time.Now()
	rounds := min(trials(t, 1), 3)         // a round takes a minute
	perTurn := leases / (rounds*6 + 1) / 2 // about a half in all
	calm := func() {
		c.AwaitReady()
		time.Sleep(tenantTTL)
		all.stop(perTurn)
		time.Sleep(2 * tenantTTL)
	}
	for range rounds {
		leader := c.Leader()
		all.stop(perTurn)
		w.fault()
		leader.Kill()
		time.Sleep(2*tenantTTL + noticed)
		leader.Start()
		calm()

		leader = c.Leader()
		all.stop(perTurn)
		w.fault()
		leader.Pause()
		time.Sleep(10 * time.Second)
		w.fault() // it is there again, and may not know what happened
		leader.Resume()
		calm()

		follower := c.Others(c.Leader())[0]
		all.stop(perTurn)
		w.fault()
		proxies[follower].BlackHole(testcluster.Both)
		time.Sleep(2*tenantTTL + noticed)
		proxies[follower].Heal()
		calm()
	}
	time.Sleep(2*tenantTTL + noticed + looks)
	stop()
	running.Wait()
	for _, node := range all.nodes {
		if shown := len(w.shown[node]); shown != leases-len(all.living) {
			t.Errorf("%s has shown %d of the %d that stopped as expired", node, shown, leases-len(all.living))
		}
	}
	t.Logf("%d leases for %s: %d heartbeats acknowledged, %d batches sent again; %d stopped, shown at the latest %s after their last heartbeat, %s around faults",
		leases, time.Since(began).Round(time.Second), all.sent, all.retried, leases-len(all.living),
		w.calm.Round(time.Millisecond), w.troubled.Round(time.Millisecond))
}

// startBehindProxies starts three servers whose peer ports the others reach through a proxy each.
func startBehindProxies(t *testing.T) (*testcluster.Processes, map[*testcluster.Process]*testcluster.Proxy) {
	t.Helper()
	c := testcluster.PrepareProcesses(t, 3, "--bootstrap-expect", "3")
	proxies := map[*testcluster.Process]*testcluster.Proxy{}
	for _, p := range c.Nodes {
		peer := testcluster.FreeAddress(t)
		proxy, err := testcluster.NewProxy(peer)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = proxy.Close() })
		proxies[p] = proxy
		p.Flags("--peer-addr", peer, "--advertise-peer", proxy.Addr())
		p.Start()
	}
	c.AwaitReady()
	return c, proxies
}
