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

	"go.uber.org/goleak"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/registry"
)

// consumer watches payments through a client of its own, and can be made to keep what it was given last to itself.
type consumer struct {
	client *client.Client

	mu  sync.Mutex // held by whoever has it stand still
	ids []string   // that it was told last
}

func consume(ctx context.Context, t *testing.T, name string, node *testcluster.Process) *consumer {
	t.Helper()
	transport := &http.Transport{}
	k, err := client.New(client.Config{Addrs: []string{node.HTTP}, Transport: transport, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	c := &consumer{client: k}
	ctx, end := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		for s, err := range k.Watch(ctx, "payments") {
			if err != nil {
				continue
			}
			c.mu.Lock()
			c.ids = nil
			for _, i := range s.Instances {
				c.ids = append(c.ids, i.ID)
			}
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		end()
		watching.Wait()
		_ = k.Close()
		transport.CloseIdleConnections()
	})
	return c
}

func (c *consumer) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ids)
}

// The cluster is as young as can be, and so nobody needs to be waited for but those who are known to watch.
func TestADrainReturnsWhenTheOtherSDKClientHasConfirmed(t *testing.T) {
	cluster := testcluster.StartProcesses(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	provider, _ := clientOf(t, cluster.Nodes)
	var all []*client.Registration
	for n := range 4 {
		r, err := provider.Register(ctx, paymentOf(n))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	caller := consume(ctx, t, "caller", cluster.Nodes[1])
	comesTrue(t, 20*time.Second, "the caller is told of all", func() bool { return len(caller.told()) == len(all) })
	for n, r := range all[:3] {
		began := time.Now()
		if err := r.Drain(ctx); err != nil {
			t.Fatalf("p%d: %v", n, err)
		}
		t.Logf("p%d drained after %s", n, time.Since(began).Round(time.Millisecond))
		found, err := caller.client.Discover(ctx, "payments")
		if err != nil || len(found) != len(all)-n-1 || slices.ContainsFunc(found, func(i registry.Instance) bool { return i.ID == fmt.Sprint("p", n) }) {
			t.Errorf("p%d is drained, and the caller may pick of %v: %v", n, found, err)
		}
		if slices.Contains(caller.told(), fmt.Sprint("p", n)) {
			t.Errorf("p%d is drained, and the caller was told last of %v", n, caller.told())
		}
	}

	caller.mu.Lock() // It takes no further snapshot.
	short, cancelShort := context.WithTimeout(ctx, 4*time.Second)
	defer cancelShort()
	began := time.Now()
	err := all[3].Drain(short)
	caller.mu.Unlock()
	d, ok := errors.AsType[*client.DrainError](err)
	if !ok || d.Index == 0 || !slices.Equal(d.Unconfirmed, []string{"caller"}) {
		t.Errorf("the caller stands still: %v", err)
	}
	t.Logf("after %s of 4s: %v", time.Since(began).Round(time.Millisecond), err)
}

// Whoever registers and deregisters while the leader dies is either told of an error or finds what it was promised.
func TestRegisteringAndClosingOutliveTheLeader(t *testing.T) {
	const many = 20
	cluster := testcluster.StartProcesses(t, 3)
	before := goleak.IgnoreCurrent()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	transport := &http.Transport{}
	config := client.Config{Transport: transport}
	for _, p := range cluster.Nodes {
		config.Addrs = append(config.Addrs, p.HTTP)
	}
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	leader := cluster.Leader()
	dead := make(chan struct{})
	var working sync.WaitGroup
	for n := range many {
		working.Go(func() {
			if n >= many/2 {
				<-dead // These begin when nobody leads.
			}
			r, err := c.Register(ctx, paymentOf(n), client.WithTTL(time.Minute))
			if err != nil {
				t.Errorf("p%d: %v", n, err)
				return
			}
			if i := r.Instance(); !r.Status().Created || i.CreateIndex != i.ModifyIndex {
				t.Errorf("p%d was registered more than once: created at %d, changed at %d", n, i.CreateIndex, i.ModifyIndex)
			}
			if n%2 == 0 {
				return
			}
			<-dead
			if err := r.Close(ctx); err != nil {
				t.Errorf("p%d: %v", n, err)
			}
		})
	}
	comesTrue(t, 20*time.Second, "some are registered", func() bool { return paymentsAt(leader) > 1 })
	leader.Kill()
	began := time.Now()
	close(dead)
	working.Wait()
	t.Logf("all done %s after the leader's death", time.Since(began).Round(time.Millisecond))
	found, err := c.DiscoverWith(ctx, "payments", client.Linearizable())
	if err != nil || len(found) != many/2 {
		t.Errorf("%d are there: %v", len(found), err)
	}
	for _, i := range found {
		var n int
		if _, err := fmt.Sscanf(i.ID, "p%d", &n); err != nil || n%2 == 1 {
			t.Errorf("%s was closed and is there", i.ID)
		}
	}
	_ = c.Close()
	transport.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(before); err != nil && strings.Contains(err.Error(), "muster/client") {
		t.Error(err)
	}
}
