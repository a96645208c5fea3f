package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
)

// patience is how long a test waits for what must come. It is long, since the machine may be busy.
const patience = 30 * time.Second

// soon is a context for what must come.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// notebook keeps what was logged, a line each.
type notebook struct {
	mu    sync.Mutex
	lines []string
}

func (n *notebook) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(n, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (n *notebook) Write(line []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lines = append(n.lines, string(line))
	return len(line), nil
}

// with returns the lines that hold the text.
func (n *notebook) with(text string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []string
	for _, line := range n.lines {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// awaitNote waits until a warning with the text was logged.
func (n *notebook) awaitNote(t *testing.T, text string) {
	t.Helper()
	eventually.Succeeds(t, patience, func() error {
		if len(n.with(text)) == 0 {
			return fmt.Errorf("nothing was logged with %q", text)
		}
		return nil
	})
}

// node is a member under test, with what it takes to start it again.
type node struct {
	*Member
	t       *testing.T
	config  Config
	journal *journal
	notes   *notebook
	running bool
}

// hurry lets elections take less time than in earnest, but leaves a leader its office on a machine that is busy.
func hurry(c *raft.Config) {
	c.HeartbeatTimeout = 400 * time.Millisecond
	c.ElectionTimeout = 400 * time.Millisecond
	c.LeaderLeaseTimeout = 350 * time.Millisecond
}

// prepare describes a node that is not made yet. It forms a cluster of its own unless it is told otherwise.
func prepare(t *testing.T, label string, change ...func(*Config)) *node {
	t.Helper()
	n := &node{t: t, notes: &notebook{}, config: Config{
		DataDir: t.TempDir(), PeerAddr: "127.0.0.1:0", GossipAddr: "127.0.0.1:0", AdvertiseHTTP: "127.0.0.1:1",
		Label: label, Expect: 1, Multiplier: 1, Network: TCP{}, Tune: hurry,
	}}
	for _, f := range change {
		f(&n.config)
	}
	t.Cleanup(n.stop)
	return n
}

// open makes the member, without starting it.
func (n *node) open() *node {
	n.t.Helper()
	n.journal = newJournal()
	n.config.Machine, n.config.Log = n.journal, n.notes.log()
	var err error
	if n.Member, err = New(n.t.Context(), n.config); err != nil {
		n.t.Fatal(err)
	}
	n.running = true
	return n
}

func (n *node) start() *node {
	n.t.Helper()
	n.open()
	if err := n.Start(); err != nil {
		n.t.Fatal(err)
	}
	return n
}

func (n *node) stop() {
	n.t.Helper()
	if n.running {
		n.running = false
		if err := n.Close(context.Background()); err != nil {
			n.t.Errorf("close %s: %v", n.config.Label, err)
		}
	}
	if n.t.Failed() {
		n.t.Logf("%s:\n%s", n.config.Label, strings.Join(n.notes.with(""), ""))
		n.notes = &notebook{}
	}
}

func joining(others ...*node) func(*Config) {
	return func(c *Config) {
		c.Expect = 0
		for _, o := range others {
			c.Join = append(c.Join, o.GossipAddr())
		}
	}
}

// belongs waits until the node has a cluster.
func (n *node) belongs() *node {
	n.t.Helper()
	eventually.Succeeds(n.t, patience, func() error {
		if n.ClusterID() == "" {
			return fmt.Errorf("%s has no cluster", n.config.Label)
		}
		return nil
	})
	return n
}

// commit appends an entry on this node, which must lead and stay the leader, and returns its index.
func (n *node) commit(entry string) uint64 {
	n.t.Helper()
	answer, err := n.Commit(soon(n.t), []byte(entry))
	if err != nil {
		n.t.Fatalf("commit %q on %s: %v", entry, n.config.Label, err)
	}
	return answer.(uint64)
}

// company are the nodes of one cluster.
type company struct {
	t     *testing.T
	wires *wires
	nodes []*node
}

// gather starts n voters, n1, n2, ..., that form a cluster, and waits until they have a leader that is ready.
func gather(t *testing.T, n int, change ...func(*Config)) *company {
	t.Helper()
	c := &company{t: t, wires: newWires()}
	for i := range n {
		c.add(fmt.Sprintf("n%d", i+1), append([]func(*Config){func(c *Config) { c.Expect = n }}, change...)...).start()
	}
	c.leader()
	return c
}

// add prepares a node that knows those before it.
func (c *company) add(label string, change ...func(*Config)) *node {
	c.t.Helper()
	n := prepare(c.t, label, func(config *Config) {
		config.Network = c.wires.of(label)
		if len(c.nodes) > 0 {
			joining(c.nodes...)(config)
		}
	})
	for _, f := range change {
		f(&n.config)
	}
	c.nodes = append(c.nodes, n)
	return n
}

// leader waits until all nodes belong to the cluster and follow the same leader, which is ready, and returns it.
func (c *company) leader() *node { return c.leaderOf(c.nodes...) }

func (c *company) leaderOf(nodes ...*node) *node {
	c.t.Helper()
	var leader *node
	eventually.Succeeds(c.t, patience, func() error {
		leader = nil
		for _, n := range nodes {
			id, _ := n.Leader()
			switch {
			case n.ClusterID() == "":
				return fmt.Errorf("%s has no cluster", n.config.Label)
			case n.RaftID() == id:
				leader = n
			}
		}
		if leader == nil || leader.leadership.readyTerm.Load() != leader.Term() {
			return errors.New("no leader is ready")
		}
		for _, n := range nodes {
			if id, _ := n.Leader(); id != leader.RaftID() {
				return fmt.Errorf("%s does not follow %s", n.config.Label, leader.config.Label)
			}
		}
		return nil
	})
	return leader
}

// commit appends an entry, which must succeed, and returns its index. On a machine that is busy, leaders change.
func (c *company) commit(entry string) uint64 { return c.commitOn(c.nodes, entry) }

func (c *company) commitOn(nodes []*node, entry string) (index uint64) {
	c.t.Helper()
	eventually.Succeeds(c.t, patience, func() error {
		answer, err := c.leaderOf(nodes...).Commit(soon(c.t), []byte(entry))
		if err == nil {
			index = answer.(uint64)
		}
		return err
	})
	return index
}

// others are the nodes but one.
func (c *company) others(but *node) []*node {
	var others []*node
	for _, n := range c.nodes {
		if n != but {
			others = append(others, n)
		}
	}
	return others
}
