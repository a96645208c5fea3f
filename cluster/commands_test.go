package cluster

import (
	"fmt"
	"testing"

	"github.com/musterhq/muster/internal/eventually"
)

// reading makes nodes that read commands up to a version.
func reading(version int) func(*Config) {
	return func(c *Config) { c.Commands = version }
}

// requireCommands waits until the leader says that all nodes read commands up to a version.
func (c *company) requireCommands(want int) {
	c.t.Helper()
	eventually.Succeeds(c.t, patience, func() error {
		if got := c.leader().Commands(); got != want {
			return fmt.Errorf("all nodes read commands up to version %d, where %d is due", got, want)
		}
		return nil
	})
}

func TestAVersionOfCommandsIsUsedWhenTheLastNodeReadsIt(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick, reading(5))
	c.requireCommands(5)
	restart := func(n *node, version int) {
		n.fixed().stop()
		n.config.Commands = version
		n.start()
	}
	restart(c.nodes[0], 6)
	restart(c.nodes[1], 6)
	c.requireCommands(5)
	restart(c.nodes[2], 6)
	c.requireCommands(6)
	c.nodes[2].stop() // and it counts while it is away
	c.requireCommands(6)
	c.nodes[2].config.Commands = 5
	c.nodes[2].start()
	c.requireCommands(5)
}

func TestANodeThatReadsLessThanTheClusterUsesIsNotLetIn(t *testing.T) {
	t.Parallel()
	c := gather(t, 1, quick, reading(5))
	late := c.add("n2", quick, reading(4)).start()
	late.notes.awaitNote(t, "start a newer muster")
	if late.ClusterID() != "" {
		t.Error("it was let in")
	}
}
