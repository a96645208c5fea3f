package cluster

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
)

// recoverAlone makes the stopped node the only voter of a new cluster.
func (n *node) recoverAlone() (clusterID string) {
	n.t.Helper()
	remains, err := OpenRemains(n.config.DataDir, n.notes.log())
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() {
		if err := remains.Close(); err != nil {
			n.t.Error(err)
		}
	}()
	if err := remains.Settle(0); err != nil {
		n.t.Fatal(err)
	}
	clusterID, err = remains.Recover(func(string) raft.FSM { return newJournal() })
	if err != nil {
		n.t.Fatal(err)
	}
	return clusterID
}

func TestANodeThatIsLeftAloneGoesOnWithAllThatItHas(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick)
	left := c.others(c.leader())[0]
	old := left.ClusterID()
	if err := left.journal.Await(soon(t), c.leader().commit("before")); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.nodes {
		n.stop()
	}
	for range 2 { // the second time as if the first had been broken off
		if id := left.recoverAlone(); id == old {
			t.Error("the cluster has kept its id")
		}
	}
	left.start()
	c.nodes = []*node{left}
	c.requireServers(c.nodes, left.config.Label+":voter")
	c.leader().commit("after")
	if got := left.journal.Entries(); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("it has %v", got)
	}
	if config := (&delegate{member: left.Member}).AutopilotConfig(); config.MinQuorum != 1 {
		t.Errorf("it is the only founder, and below %d voters nobody is removed", config.MinQuorum)
	}
	newcomer := c.add("new", quick).start().belongs()
	c.requireServers(c.nodes, left.config.Label+":voter", "new:voter")
	if got := newcomer.journal.Entries(); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("who joins has %v", got)
	}
}

func TestANodeThatWasRemovedCanBeAllThatIsLeft(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick)
	left := c.others(c.leader())[0]
	label := left.config.Label
	if _, err := c.leader().Remove(soon(t), label, false); err != nil {
		t.Fatal(err)
	}
	left.knowsItIsOut()
	for _, n := range c.nodes {
		n.stop()
	}
	left.recoverAlone()
	left.start()
	c.nodes = []*node{left}
	c.leader().commit("after")
	c.requireServers(c.nodes, label+":voter") // the name that it says to have
}

func TestWhatIsNoNodeOfAClusterCantBeRecovered(t *testing.T) {
	t.Parallel()
	if _, err := OpenRemains(t.TempDir(), new(notebook).log()); err == nil || !strings.Contains(err.Error(), "no node of a cluster") {
		t.Errorf("an empty directory: %v", err)
	}
	n := prepare(t, "n1", func(c *Config) { c.Expect = 3 }).start()
	n.stop()
	if _, err := OpenRemains(n.config.DataDir, n.notes.log()); err == nil || !strings.Contains(err.Error(), "no node of a cluster") {
		t.Errorf("a node that never had a cluster: %v", err)
	}
}
