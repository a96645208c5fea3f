package integration

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// target is a program that answers checks, until it is killed.
type target struct {
	t       *testing.T
	address string
	server  *http.Server
}

func startTarget(t *testing.T) *target {
	t.Helper()
	of := &target{t: t, address: "127.0.0.1:0"}
	of.start()
	t.Cleanup(of.kill)
	return of
}

// start listens, after a death at the same place.
func (of *target) start() {
	of.t.Helper()
	listener, err := net.Listen("tcp", of.address)
	if err != nil {
		of.t.Fatal(err)
	}
	of.address = listener.Addr().String()
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: time.Second}
	of.server = server
	go func() { _ = server.Serve(listener) }() // ends when the target is killed
}

func (of *target) kill() { _ = of.server.Close() }

// register registers a target with an HTTP check.
func (of *target) register(node, service, id string) {
	of.t.Helper()
	host, port, err := net.SplitHostPort(of.address)
	if err != nil {
		of.t.Fatal(err)
	}
	body := fmt.Sprintf(`{"address": %q, "port": %s, "checks": [{"type": "http", "path": "/health", "interval": "1s", "timeout": "500ms", "fall": 2}]}`, host, port)
	answer, err := testcluster.Do(of.t.Context(), "PUT", instanceURL(node, service, id), body)
	if err != nil || answer.Status >= 300 {
		of.t.Fatalf("register %s: %d %s %v", id, answer.Status, answer.Body, err)
	}
}

// awaitHealthy waits until a node discovers so many instances of a service.
func awaitHealthy(t *testing.T, node, service string, many int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := testcluster.Poll(ctx, func(context.Context) error {
		if found := discover(t, node, service, "0"); len(found) != many {
			return fmt.Errorf("%v are healthy, want %d", found, many)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheClusterFindsOutWhichInstancesAreWell(t *testing.T) {
	c := testcluster.StartNodes(t, 3, nil)
	targets := map[string]*target{}
	for n := range 9 {
		id := fmt.Sprintf("i%d", n)
		targets[id] = startTarget(t)
		targets[id].register(c.URL(n%3), "checked", id)
	}
	for n := range c.Nodes {
		awaitHealthy(t, c.URL(n), "checked", 9)
	}
	for _, id := range []string{"i0", "i1", "i2", "i3", "i4"} {
		targets[id].kill()
	}
	for n := range c.Nodes {
		awaitHealthy(t, c.URL(n), "checked", 4)
	}
	for _, id := range []string{"i0", "i1", "i2", "i3", "i4"} {
		targets[id].start()
	}
	for n := range c.Nodes {
		awaitHealthy(t, c.URL(n), "checked", 9)
	}

	answer, err := testcluster.Get(t.Context(), instanceURL(c.URL(0), "checked", "i0")+"/history")
	if err != nil {
		t.Fatal(err)
	}
	var history struct {
		Transitions []struct {
			To    string
			Cause struct {
				Rule, Evidence string
				SeenBy         []string `json:"seen_by"`
			}
		}
	}
	if err := answer.Decode(&history); err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, came := range history.Transitions {
		rules = append(rules, came.Cause.Rule)
	}
	if got, want := fmt.Sprint(rules), "[check_passed check_failed check_passed registered]"; got != want {
		t.Fatalf("the history is %s, want %s: %s", got, want, answer.Body)
	}
	if cause := history.Transitions[1].Cause; cause.Evidence == "" || len(cause.SeenBy) != 1 {
		t.Errorf("nobody can tell why: %+v", cause)
	}
}

// A node that dies leaves its share to the others.
func TestTheShareOfADeadNodeIsCheckedByTheOthers(t *testing.T) {
	c := testcluster.StartNodes(t, 3, nil)
	targets := map[string]*target{}
	for n := range 9 {
		id := fmt.Sprintf("i%d", n)
		targets[id] = startTarget(t)
		targets[id].register(c.URL(0), "checked", id)
	}
	awaitHealthy(t, c.URL(0), "checked", 9)
	leader := c.Leader()
	dead := (leader + 1) % 3
	alive := (leader + 2) % 3
	c.Network.Isolate(c.Nodes[dead].PeerAddr(), c.Nodes[leader].PeerAddr(), c.Nodes[alive].PeerAddr())
	began := time.Now()
	for _, of := range targets {
		of.kill()
	}
	awaitHealthy(t, c.URL(alive), "checked", 0)
	// Two failures a second apart, after the node was missed.
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s until all were shown as unhealthy", took)
	} else {
		t.Logf("it took %s", took)
	}
}

// No check may be turned against the registry itself.
func TestARegistryDoesNotCheckItself(t *testing.T) {
	c := testcluster.StartNodes(t, 1, nil)
	of := &target{t: t, address: c.Nodes[0].HTTPAddr()}
	of.register(c.URL(0), "checked", "myself")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := testcluster.Poll(ctx, func(ctx context.Context) error {
		answer, err := testcluster.Get(ctx, c.URL(0)+"/v1/services/checked?status=any")
		if err != nil {
			return err
		}
		var found wire.Discovered
		if err := answer.Decode(&found); err != nil {
			return err
		}
		if check := found.Instances[0].Checks[0]; check.Status != registry.Unknown || check.Output == "" {
			return fmt.Errorf("its check is %s: %q", check.Status, check.Output)
		}
		t.Log(found.Instances[0].Checks[0].Output)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
