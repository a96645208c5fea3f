package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/onlooker"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/registry"
)

// counting counts the calls of a client by their paths.
type counting struct {
	next http.RoundTripper
	mu   sync.Mutex
	n    map[string]int
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	kind := "registrations"
	switch {
	case strings.HasSuffix(r.URL.Path, "/heartbeats"):
		kind = "heartbeats"
	case r.Method == http.MethodGet:
		kind = "reads"
	}
	c.mu.Lock()
	c.n[kind]++
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

func (c *counting) of(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[kind]
}

func paymentOf(n int) registry.Instance {
	return registry.Instance{Service: "payments", ID: fmt.Sprint("p", n), Address: "10.0.0.7", Port: 1000 + n}
}

// paymentsAt is how many instances of payments a node discovers.
func paymentsAt(p *testcluster.Process) int {
	answer, err := testcluster.Get(context.Background(), p.HTTP+"/v1/services/payments")
	if err != nil || answer.Status != http.StatusOK {
		return 0
	}
	return strings.Count(string(answer.Body), `"address"`)
}

func comesTrue(t *testing.T, limit time.Duration, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) < limit {
		if is() {
			return time.Since(began)
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within %s: %s", limit, what)
	return 0
}

func clientOf(t *testing.T, nodes []*testcluster.Process) (*client.Client, *counting) {
	t.Helper()
	transport := &http.Transport{}
	counted := &counting{next: transport, n: map[string]int{}}
	config := client.Config{Transport: counted}
	for _, p := range nodes {
		config.Addrs = append(config.Addrs, p.HTTP)
	}
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		transport.CloseIdleConnections()
	})
	return c, counted
}

func TestTwoHundredRegistrationsOutliveTheLeaderAndThenAllNodes(t *testing.T) {
	const many, ttl = 200, 6 * time.Second
	cluster := testcluster.StartProcesses(t, 3)
	c, counted := clientOf(t, cluster.Nodes)
	var all []*client.Registration
	for n := range many {
		r, err := c.Register(t.Context(), paymentOf(n), client.WithTTL(ttl), client.InBackground())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	comesTrue(t, 10*time.Second, "all are registered, and know it", func() bool {
		return paymentsAt(cluster.Nodes[0]) == many &&
			!slices.ContainsFunc(all, func(r *client.Registration) bool { return r.Status().State != client.Registered })
	})
	written := counted.of("registrations")
	if written > 6 {
		t.Errorf("%d calls for %d registrations", written, many)
	}
	beaten := func(since time.Time) func() bool {
		return func() bool {
			for _, r := range all {
				if s := r.Status(); s.State != client.Registered || !s.LastHeartbeat.After(since) {
					return false
				}
			}
			return true
		}
	}

	leader := cluster.Leader()
	leader.Kill()
	began := time.Now()
	t.Logf("the leader killed: all beaten after %s", comesTrue(t, 10*time.Second, "heartbeats resume", beaten(began)))
	leader.Start()
	cluster.AwaitReady()

	for _, p := range cluster.Nodes {
		p.Kill()
	}
	time.Sleep(2 * ttl) // the outage itself
	for _, p := range cluster.Nodes {
		p.Start()
	}
	cluster.AwaitReady()
	began = time.Now()
	took := comesTrue(t, 2*ttl/3, "heartbeats resume within two beats", beaten(began))
	t.Logf("all nodes killed and back: all beaten %s after they were ready", took)
	if n := paymentsAt(cluster.Nodes[0]); n != many {
		t.Errorf("%d are healthy", n)
	}
	if again := counted.of("registrations") - written; again > 0 {
		t.Errorf("%d registrations after the outage, of instances that the registry had all the time", again)
	}

	answer, err := testcluster.Do(t.Context(), http.MethodDelete, cluster.Nodes[1].HTTP+"/v1/services/payments/instances/p7", "")
	if err != nil || answer.Status != http.StatusOK {
		t.Fatal(answer.Status, err)
	}
	t.Logf("deregistered by an operator: back after %s", comesTrue(t, ttl/2, "p7 is back within a beat", func() bool {
		return all[7].Status().Reregistered == 1 && paymentsAt(cluster.Nodes[1]) == many
	}))
	answer, err = testcluster.Do(t.Context(), http.MethodPut, cluster.Nodes[1].HTTP+"/v1/services/payments/instances/p8", `{"address": "10.9.9.9", "port": 1}`)
	if err != nil || answer.Status != http.StatusOK {
		t.Fatal(answer.Status, err)
	}
	comesTrue(t, ttl/2, "p8 has its own document again", func() bool {
		return errors.Is(all[8].Status().Reason, client.ErrReplaced)
	})
}

func TestASDKDrainIsAnsweredAlthoughTheLeaderDiesMeanwhile(t *testing.T) {
	cluster := testcluster.StartProcesses(t, 3)
	c, _ := clientOf(t, cluster.Nodes)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var all []*client.Registration
	for n := range 3 {
		r, err := c.Register(ctx, paymentOf(n))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	leader := cluster.Leader()
	other := cluster.Others(leader)[0]
	crowd := onlooker.NewCrowd(t)
	first := crowd.Watch(other.HTTP, "payments", "w1", 0)
	comesTrue(t, 10*time.Second, "w1 watches", func() bool { return first.Confirmed() > 0 })
	if err := all[0].Drain(ctx); err != nil {
		t.Fatal(err)
	}
	// The answer to w1's confirmation may come after that to the drain.
	if index := all[0].Status().Index; first.Applied() < index {
		t.Errorf("the drain of %d returned, and w1 has read only %d", index, first.Applied())
	}

	first.Freeze()
	short, cancelShort := context.WithTimeout(ctx, 4*time.Second)
	defer cancelShort()
	err := all[1].Drain(short)
	if d, ok := errors.AsType[*client.DrainError](err); !ok || len(d.Unconfirmed) != 1 || d.Unconfirmed[0] != "w1" {
		t.Errorf("w1 is frozen: %v", err)
	}

	drained := make(chan error, 1)
	go func() {
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		drained <- all[2].Drain(limited)
	}()
	comesTrue(t, 10*time.Second, "it is deregistered", func() bool { return paymentsAt(other) == 0 })
	leader.Kill()
	err = <-drained
	d, ok := errors.AsType[*client.DrainError](err)
	if !ok || d.Err != nil || d.Index == 0 || len(d.Unconfirmed) == 0 {
		t.Errorf("the leader died, and w1 is frozen: %v", err)
	}
	t.Logf("after the leader's death: %v", err)
}
