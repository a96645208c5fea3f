package integration

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// lease registers an instance with a lease.
func lease(t testing.TB, node, id string, ttl time.Duration) {
	t.Helper()
	body := fmt.Sprintf(`{"address": "10.0.0.7", "port": 8080, "lease": {"ttl": %q}}`, ttl)
	answer, err := testcluster.Do(t.Context(), "PUT", instanceURL(node, "leased", id), body)
	if err != nil || answer.Status >= 300 {
		t.Fatalf("register %s: %d %s %v", id, answer.Status, answer.Body, err)
	}
}

// beat sends a heartbeat to a node, which has so long to answer.
func beat(ctx context.Context, node, id string, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	answer, err := testcluster.Do(ctx, "POST", instanceURL(node, "leased", id)+"/heartbeat", "")
	if err == nil && answer.Status != http.StatusNoContent {
		err = fmt.Errorf("%d %s", answer.Status, answer.Body)
	}
	return err
}

// shown is how a node shows an instance, from its own memory; empty where it is not there.
func shown(t testing.TB, node, id string) registry.Status {
	t.Helper()
	answer, err := testcluster.Get(t.Context(), instanceURL(node, "leased", id))
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status == http.StatusNotFound {
		return ""
	}
	var i registry.Instance
	if err := answer.Decode(&i); err != nil {
		t.Fatal(err)
	}
	return i.Status
}

// awaitStatus waits until nodes show an instance in a status, and returns when the last of them did.
func awaitStatus(t testing.TB, nodes []*testcluster.Process, id string, status registry.Status) time.Time {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, p := range nodes {
		err := testcluster.Poll(ctx, func(context.Context) error {
			if is := shown(t, p.HTTP, id); is != status {
				return fmt.Errorf("it is %q", is)
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s does not show %s as %s: %v", p.Name, id, status, err)
		}
	}
	return time.Now()
}

// keepBeating sends heartbeats, one after the other to each of the nodes, until the test calls stop, which returns when the
// last one was sent that was acknowledged.
func keepBeating(t testing.TB, nodes []*testcluster.Process, id string, interval time.Duration) (stop func() time.Time) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	last := make(chan time.Time, 1)
	go func() {
		var acknowledged time.Time
		defer func() { last <- acknowledged }()
		for n := 0; ctx.Err() == nil; n++ {
			sent := time.Now()
			if beat(context.WithoutCancel(ctx), nodes[n%len(nodes)].HTTP, id, interval) != nil {
				continue // with the next node, at once
			}
			acknowledged = sent
			select {
			case <-time.After(interval):
			case <-ctx.Done():
			}
		}
	}()
	stopped := false
	return func() time.Time {
		if stopped {
			return time.Time{}
		}
		stopped = true
		cancel()
		return <-last
	}
}

const promise = 1500 * time.Millisecond // beyond the lease

func TestHeartbeatsThroughAnyNodeKeepALeaseAndNeverTouchTheLog(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	const ttl = time.Second
	lease(t, c.Nodes[0].HTTP, "a", ttl)
	before := get(t, c.Leader().HTTP+"/v1/cluster/self").Index()
	stop := keepBeating(t, c.Nodes, "a", ttl/5)
	for range 30 {
		time.Sleep(100 * time.Millisecond)
		for _, p := range c.Nodes {
			if is := shown(t, p.HTTP, "a"); is != registry.Healthy {
				t.Fatalf("%s shows it as %s", p.Name, is)
			}
		}
	}
	if after := get(t, c.Leader().HTTP+"/v1/cluster/self").Index(); after != before {
		t.Errorf("the index went from %s to %s by heartbeats", before, after)
	}
	last := stop()
	if took := awaitStatus(t, c.Nodes, "a", registry.Unhealthy).Sub(last); took < ttl || took > ttl+promise {
		t.Errorf("it was shown as expired %s after its last heartbeat, with a lease of %s", took, ttl)
	} else {
		t.Logf("shown on all nodes %s after the last heartbeat", took.Round(time.Millisecond))
	}
	if err := beat(t.Context(), c.Others(c.Leader())[0].HTTP, "a", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if is := shown(t, c.Leader().HTTP, "a"); is != registry.Healthy {
		t.Errorf("a heartbeat was acknowledged, and it is shown as %s", is)
	}
}

func TestAHeartbeatSaysWhatTheRegistryHasLost(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	lease(t, c.Nodes[0].HTTP, "a", time.Minute)
	for _, p := range c.Nodes {
		answer, err := testcluster.Do(t.Context(), "POST", p.HTTP+wire.PathHeartbeats,
			`{"instances": [{"service": "leased", "id": "a", "digest": "another"}, {"service": "leased", "id": "b"}]}`)
		if err != nil {
			t.Fatal(err)
		}
		want := `{"renewed":1,"missing":[{"service":"leased","id":"b"}],"differs":[{"service":"leased","id":"a"}]}`
		if got := strings.TrimSpace(string(answer.Body)); got != want {
			t.Errorf("%s answers %s, want %s", p.Name, got, want)
		}
		if err := beat(t.Context(), p.HTTP, "b", 5*time.Second); err == nil || !strings.Contains(err.Error(), "instance_not_found") {
			t.Errorf("%s says of an instance that is not there: %v", p.Name, err)
		}
	}
}

// A leader that is killed, or frozen and then awake again: who goes on sending is never shown as expired, and who stops is,
// in time.
func TestALeaderThatDiesOrFreezesBuriesNobody(t *testing.T) {
	for name, away := range map[string]func(leader *testcluster.Process) (back func()){
		"killed": func(leader *testcluster.Process) func() { leader.Kill(); return leader.Start },
		"frozen": func(leader *testcluster.Process) func() { leader.Pause(); return leader.Resume },
	} {
		t.Run(name, func(t *testing.T) {
			c := testcluster.StartProcesses(t, 3)
			const ttl = 2 * time.Second
			lease(t, c.Nodes[0].HTTP, "alive", ttl)
			lease(t, c.Nodes[0].HTTP, "stopped", ttl)
			stop := keepBeating(t, c.Nodes, "alive", ttl/8)
			defer stop()
			leader := c.Leader()
			others := c.Others(leader)
			last := time.Now()
			if err := beat(t.Context(), others[0].HTTP, "stopped", time.Second); err != nil {
				t.Fatal(err)
			}
			back := away(leader)
			left := time.Now()
			watched, cancel := context.WithTimeout(t.Context(), 3*ttl)
			defer cancel()
			for buried := false; watched.Err() == nil; time.Sleep(50 * time.Millisecond) {
				for _, p := range others {
					if is := shown(t, p.HTTP, "alive"); is != registry.Healthy {
						t.Fatalf("%s shows a living instance as %s, %s after the leader left", p.Name, is, time.Since(left))
					}
				}
				if !buried && shown(t, others[0].HTTP, "stopped") == registry.Unhealthy {
					buried = true
					t.Logf("%s after its last heartbeat, the stopped one is shown", time.Since(last).Round(time.Millisecond))
					if took := time.Since(last); took < ttl || took > 2*ttl+promise {
						t.Errorf("the stopped one was shown as expired after %s", took)
					}
				}
			}
			awaitStatus(t, others, "stopped", registry.Unhealthy)
			back()
			c.AwaitReady()
			for range 20 {
				time.Sleep(100 * time.Millisecond)
				for _, p := range c.Nodes {
					if is := shown(t, p.HTTP, "alive"); is != registry.Healthy {
						t.Fatalf("%s shows a living instance as %s, after the old leader is back", p.Name, is)
					}
				}
			}
		})
	}
}

// A leadership that is handed over takes the ages of the leases along: one that was about to run out does so in time.
func TestAHandOverTakesTheAgesOfTheLeasesAlong(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	const ttl = 4 * time.Second
	lease(t, c.Nodes[0].HTTP, "stopped", ttl)
	began := time.Now()
	time.Sleep(ttl / 2)
	if answer, err := testcluster.Do(t.Context(), "POST", c.Nodes[0].HTTP+wire.PathLeadership, "{}"); err != nil || answer.Status != 200 {
		t.Fatalf("%d %s %v", answer.Status, answer.Body, err)
	}
	if took := awaitStatus(t, c.Nodes, "stopped", registry.Unhealthy).Sub(began); took < ttl || took > ttl+promise {
		t.Errorf("it was shown as expired after %s", took)
	} else {
		t.Logf("shown on all nodes after %s", took.Round(time.Millisecond))
	}
}
