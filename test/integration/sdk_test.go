package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/client"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/registry"
)

// sdk is a client of the SDK that knows one node, and has to learn of the others.
func sdk(t *testing.T, node string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Addrs: []string{node}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// The leader is killed, then each node in turn, while instances come and go: those who watch end with what the registry holds,
// have seen no index go back, and a discovery never failed.
func TestTheSDKLosesNothingWhileNodesAreKilled(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 80*time.Second)
	defer cancel()
	put := func(id string) {
		t.Helper()
		body := `{"address": "10.0.0.7", "port": 8080}`
		err := testcluster.Poll(ctx, func(ctx context.Context) error {
			for _, p := range c.Nodes {
				if !p.Running() {
					continue
				}
				if answer, err := testcluster.Do(ctx, "PUT", instanceURL(p.HTTP, "payments", id), body); err == nil && answer.Status < 300 {
					return nil
				}
			}
			return errors.New("nobody registers " + id)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("p0")
	var watching sync.WaitGroup
	watched, stop := context.WithCancel(ctx)
	defer stop()
	seen := make([]registry.Snapshot, 3)
	var mu sync.Mutex
	var clients []*client.Client
	for n, p := range c.Nodes {
		k := sdk(t, p.HTTP)
		clients = append(clients, k)
		// The node may not have applied p0 yet; from here on the session sees to it.
		if _, err := k.DiscoverWith(ctx, "payments", client.Linearizable()); err != nil {
			t.Fatal(err)
		}
		if found, err := k.Discover(ctx, "payments"); err != nil || len(found) == 0 {
			t.Fatalf("%v, %v", found, err)
		}
		watching.Go(func() {
			for s, err := range k.Watch(watched, "payments") {
				if err != nil {
					t.Logf("client %d: %v", n, err)
					continue
				}
				mu.Lock()
				if s.Index < seen[n].Index {
					t.Errorf("client %d: the index goes back from %d to %d", n, seen[n].Index, s.Index)
				}
				seen[n] = s
				mu.Unlock()
			}
		})
	}
	time.Sleep(2 * time.Second) // in which the clients learn of the other nodes
	number := 0
	for round := range 3 {
		victim := c.Nodes[round]
		if round == 0 {
			victim = c.Leader()
		}
		victim.Kill()
		for range 5 {
			number++
			put(fmt.Sprintf("p%d", number))
			for n, k := range clients {
				if found, err := k.Discover(ctx, "payments"); err != nil || len(found) == 0 {
					t.Errorf("client %d, round %d: %v, %v", n, round, found, err)
				}
			}
		}
		victim.Start()
		c.AwaitReady()
	}
	err := testcluster.Poll(ctx, func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		for n, s := range seen {
			if len(s.Instances) != number+1 {
				return fmt.Errorf("client %d sees %d instances of %d", n, len(s.Instances), number+1)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for _, p := range c.Nodes {
		p.Kill()
	}
	for n, k := range clients {
		if found, err := k.Discover(ctx, "payments"); err != nil || len(found) != number+1 {
			t.Errorf("client %d with all nodes down: %d found, %v", n, len(found), err)
		}
		if age, ok := k.Age("payments"); !ok || age < 0 {
			t.Errorf("client %d: age %s, %v", n, age, ok)
		}
	}
	stop()
	watching.Wait()
}

// A drain counts the SDK's watch as confirmed when its consumer is done with the change, and not before.
func TestADrainWaitsForTheSDKsConsumers(t *testing.T) {
	c := testcluster.StartProcesses(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for _, id := range []string{"p1", "p2", "p3"} {
		if answer, err := testcluster.Do(ctx, "PUT", instanceURL(c.Nodes[0].HTTP, "payments", id), `{"address": "10.0.0.7", "port": 8080}`); err != nil || answer.Status >= 300 {
			t.Fatal(answer, err)
		}
	}
	k := sdk(t, c.Nodes[1].HTTP)
	if _, err := k.DiscoverWith(ctx, "payments", client.Linearizable()); err != nil {
		t.Fatal(err)
	}
	drains := make(chan string)
	drain := func(id string) {
		answer, err := testcluster.Do(ctx, "DELETE", instanceURL(c.Nodes[2].HTTP, "payments", id)+"?drain=2s", "")
		drains <- fmt.Sprintf("%s %v", answer.Body, err)
	}
	for s, err := range k.Watch(ctx, "payments") {
		if err != nil {
			t.Fatal(err)
		}
		switch len(s.Instances) {
		case 3:
			time.Sleep(500 * time.Millisecond) // in which the watch is reported to all nodes
			go drain("p1")
		case 2: // The consumer keeps the change to itself for as long as the drain lasts.
			if said := <-drains; !strings.Contains(said, `"confirmed":0`) {
				t.Errorf("a drain did not wait for the consumer: %s", said)
			}
			go drain("p2")
		case 1: // It comes back for more at once.
			go drain("p3")
		}
		if len(s.Instances) == 0 {
			break
		}
	}
	for range 2 {
		if said := <-drains; !strings.Contains(said, `"confirmed":1`) {
			t.Errorf("the drain was not told that the consumer is done: %s", said)
		}
	}
}
