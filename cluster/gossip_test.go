package cluster

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/eventually"
)

func TestADescriptionThatGossipCantCarryIsRefusedBeforeAnythingRuns(t *testing.T) {
	t.Parallel()
	n := prepare(t, "n1", func(c *Config) { c.Meta = map[string]string{"note": strings.Repeat("x", 500)} })
	n.config.Machine, n.config.Log = newJournal(), n.notes.log()
	_, err := New(t.Context(), n.config)
	if err == nil || !strings.Contains(err.Error(), "shorten --node-meta") {
		t.Fatalf("it says: %v", err)
	}
	n.config.Meta = nil
	n.start() // nothing is in the way of another try
}

// What fits before the node has a cluster must fit when it says which.
func TestADescriptionThatFitsFitsForEver(t *testing.T) {
	t.Parallel()
	n := prepare(t, "n1").open()
	largest := 0
	for ; ; largest++ {
		n.config.Meta = map[string]string{"note": strings.Repeat("x", largest)}
		n.Member.config.Meta = n.config.Meta
		if n.introduction().fits() != nil {
			break
		}
	}
	n.Member.config.Meta = map[string]string{"note": strings.Repeat("x", largest-1)}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, patience, func() error {
		if n.gossip.said().ClusterID == "" {
			return errors.New("it has not said its cluster")
		}
		return nil
	})
	if b, err := n.gossip.said().encode(); err != nil || len(b) != maxMeta {
		t.Errorf("with its cluster it takes %d bytes of %d: %v", len(b), maxMeta, err)
	}
	if len(n.notes.with("can't carry")) > 0 {
		t.Error(n.notes.with("can't carry"))
	}
}

func TestANodesDescriptionReachesTheOthers(t *testing.T) {
	t.Parallel()
	c := gather(t, 2, func(c *Config) {
		c.Zone, c.Datacenter, c.Version, c.Meta = "z-"+c.Label, "dc", "v1", map[string]string{"rack": "7"}
	})
	c.leader()
	eventually.Succeeds(t, patience, func() error {
		nodes := c.nodes[0].Nodes(t.Context())
		if len(nodes) != 2 {
			return fmt.Errorf("it lists %d nodes", len(nodes))
		}
		for i, n := range nodes {
			of := c.nodes[i]
			switch {
			case n.Label != of.config.Label, n.RaftID != of.RaftID(), n.Peer != of.PeerAddr(), n.Gossip != of.GossipAddr():
				return fmt.Errorf("%s is listed as %+v", of.config.Label, n)
			case n.Zone != "z-"+n.Label, n.Datacenter != "dc", n.Version != "v1", n.Meta["rack"] != "7", n.HTTP != "127.0.0.1:1":
				return fmt.Errorf("%s describes itself as %+v", n.Label, n)
			case !n.Voter, n.Gossiped != "alive", n.State != of.State():
				return fmt.Errorf("%s stands as %+v", n.Label, n)
			}
		}
		return nil
	})

	leader := c.leader()
	other := c.others(leader)[0]
	if got := other.LeaderHTTP(); got != "127.0.0.1:1" || other.LeaderLabel() != leader.config.Label {
		t.Errorf("the leader is %s at %s", other.LeaderLabel(), got)
	}
	other.stop()
	eventually.Succeeds(t, patience, func() error {
		for _, n := range leader.Nodes(t.Context()) {
			if n.RaftID == other.RaftID() && (n.Gossiped != "dead" || n.State != "" || n.Label != other.config.Label) {
				return fmt.Errorf("a node that has gone is listed as %+v", n)
			}
		}
		return nil
	})
	if says := leader.Electorate(); !strings.Contains(says, "1 of 2 voters seen") {
		t.Errorf("the electorate: %s", says)
	}
}

func TestGossipAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		address, host string
		port          int
		wrong         bool
	}{
		{address: "10.0.0.1:7302", host: "10.0.0.1", port: 7302},
		{address: "[::1]:0", host: "::1", port: 0},
		{address: ":7302", host: "0.0.0.0", port: 7302},
		{address: "node.example:65535", host: "node.example", port: 65535},
		{address: "10.0.0.1", wrong: true},
		{address: "10.0.0.1:", wrong: true},
		{address: "10.0.0.1:http", wrong: true},
		{address: "10.0.0.1:65536", wrong: true},
		{address: "10.0.0.1:-1", wrong: true},
		{address: "::1:7302", wrong: true},
		{address: "", wrong: true},
	} {
		host, port, err := splitAddress(c.address)
		if (err != nil) != c.wrong || host != c.host || port != c.port {
			t.Errorf("%q is %q and %d: %v", c.address, host, port, err)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("%q", c.address)) {
			t.Errorf("%v does not name %q", err, c.address)
		}
	}
}

func TestANameStandsForAllTheNodesBehindIt(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:7302": "127.0.0.1:7302", "[::1]:7302": "[::1]:7302", "[::ffff:127.0.0.1]:7302": "127.0.0.1:7302",
	} {
		if got, err := lookup(t.Context(), address); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, %v", address, got, err)
		}
	}
	got, err := lookup(t.Context(), "localhost:7302")
	if err != nil || len(got) == 0 {
		t.Fatalf("localhost: %v, %v", got, err)
	}
	for _, address := range got {
		if host, _, _ := net.SplitHostPort(address); !net.ParseIP(host).IsLoopback() {
			t.Errorf("localhost is %v", got)
		}
	}
	if got, err := lookup(t.Context(), "nowhere"); err == nil {
		t.Errorf("no port: %v", got)
	}
}

// A node that comes back under other addresses keeps its place: Raft's configuration knows the old ones only.
func TestNodesThatComeBackElsewhereFindEachOther(t *testing.T) {
	t.Parallel()
	c := gather(t, 3)
	index := c.commit("before")
	before := map[string]string{}
	for _, n := range c.nodes {
		before[n.config.Label] = n.PeerAddr()
		n.stop()
	}
	for i, n := range c.nodes {
		n.config.Join = nil
		for _, o := range c.nodes[:i] {
			n.config.Join = append(n.config.Join, o.GossipAddr())
		}
		n.start()
	}
	leader := c.leader()
	if read, err := leader.ReadIndex(soon(t)); err != nil || read < index {
		t.Errorf("read index %d, %v", read, err)
	}
	for _, n := range c.nodes {
		if err := n.journal.Await(soon(t), c.commit("after "+n.config.Label)); err != nil {
			t.Errorf("%s: %v", n.config.Label, err)
		}
		if n.PeerAddr() == before[n.config.Label] {
			t.Logf("%s has got its old port again, so it shows less", n.config.Label)
		}
	}
}

func TestWithoutGossipTheAddressIsThatOfRaft(t *testing.T) {
	t.Parallel()
	c := gather(t, 2)
	n, other := c.nodes[0], c.nodes[1]
	n.gossip.mu.Lock()
	delete(n.gossip.known, other.RaftID())
	n.gossip.mu.Unlock()
	want := Server{Label: "n2", RaftID: other.RaftID(), Peer: other.PeerAddr()}
	if at, err := n.peerAddress(other.RaftID()); err != nil || parseServer(at) != want {
		t.Errorf("%s, %v", at, err)
	}
	if label := n.labelOf(other.RaftID()); label != "n2" {
		t.Errorf("it is called %s", label)
	}
	if label := n.labelOf("nobody"); label != "nobody" {
		t.Errorf("a node without a known name is called %s", label)
	}
	if _, err := n.Call(soon(t), "nobody", callTerm, nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a call to nobody: %v", err)
	}
}
