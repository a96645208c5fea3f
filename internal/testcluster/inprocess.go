package testcluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/musterhq/muster/internal/node"
)

// Nodes is a cluster in the test's own process, with real sockets and disks. Between each two nodes stands a network that
// can be cut; see [Network].
type Nodes struct {
	Nodes   []*node.Node
	Network *Network
	t       testing.TB
}

// StartNodes starts n nodes that form a cluster and returns when all of them are ready. change, which may be nil, has the
// last word on each one's configuration. They stop with the test.
func StartNodes(t testing.TB, n int, change func(i int, c *node.Config)) *Nodes {
	t.Helper()
	c := &Nodes{Network: newNetwork(t), t: t}
	dir := keepOnFailure(t)
	var gossip []string
	for range n {
		gossip = append(gossip, FreeAddress(t))
	}
	for i := range n {
		name := fmt.Sprintf("n%d", i+1)
		config := node.Config{
			ID: name, DataDir: filepath.Join(dir, name), Version: "test",
			HTTPAddr: FreeAddress(t), PeerAddr: FreeAddress(t), GossipAddr: gossip[i],
			Join: gossip, BootstrapExpect: n,
			Logger: logger(t, filepath.Join(dir, name+".log")),
		}
		config.Network = c.Network.of(config.PeerAddr)
		if change != nil {
			change(i, &config)
		}
		started, err := node.Start(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := started.Close(ctx); err != nil {
				t.Errorf("close %s: %v", name, err)
			}
		})
		c.Nodes = append(c.Nodes, started)
	}
	c.AwaitReady()
	return c
}

func logger(t testing.TB, path string) *slog.Logger {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// AwaitReady returns when all nodes know a leader and have caught up.
func (c *Nodes) AwaitReady() {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	for _, n := range c.Nodes {
		if err := Poll(ctx, func(context.Context) error { return n.Ready() }); err != nil {
			c.t.Fatalf("%s does not get ready: %v", n.ID(), err)
		}
	}
}

// URL is the base URL of a node's API.
func (c *Nodes) URL(i int) string { return "http://" + c.Nodes[i].HTTPAddr() }

// Leader is the position of the node that leads, as it says itself; where two say so, that of the later term.
func (c *Nodes) Leader() int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	leader := -1
	err := Poll(ctx, func(ctx context.Context) error {
		for i, n := range c.Nodes {
			if _, err := n.ReadIndex(ctx); err == nil && n.Self().State == "leader" {
				leader = i
				return nil
			}
		}
		return fmt.Errorf("no node leads")
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return leader
}
