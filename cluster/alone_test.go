package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
)

// The only voter waits for nobody, neither when it forms its cluster nor when it comes back.
func TestTheOnlyVoterLeadsAtOnce(t *testing.T) {
	t.Parallel()
	n := prepare(t, "n1", func(c *Config) {
		c.Tune = func(r *raft.Config) { r.HeartbeatTimeout, r.ElectionTimeout = time.Hour, time.Hour }
	})
	for range 2 {
		n.start().belongs()
		eventually.Succeeds(t, patience, func() error {
			if !n.Leads() {
				return fmt.Errorf("%s does not lead", n.config.Label)
			}
			return nil
		})
		n.commit("entry")
		if got := n.raft.ReloadableConfig().HeartbeatTimeout; got != time.Hour {
			t.Errorf("from now on it waits %s for heartbeats", got)
		}
		n.stop()
	}
}

// One of several waits, however long the others are away: it would only disturb them.
func TestOneVoterOfSeveralWaits(t *testing.T) {
	t.Parallel()
	c := gather(t, 3)
	c.leader()
	for _, n := range c.nodes {
		n.stop()
	}
	n := c.nodes[0]
	n.config.Tune = func(r *raft.Config) { r.HeartbeatTimeout, r.ElectionTimeout = time.Hour, time.Hour }
	n.start()
	if err := n.leadAlone(); err != nil {
		t.Fatal(err)
	}
	if state := n.raft.State(); state != raft.Follower {
		t.Errorf("it is a %s", state)
	}
}
