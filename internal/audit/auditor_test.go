package audit

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// rounds lets some comparisons of every node pass.
func rounds() {
	time.Sleep(5 * Interval)
	synctest.Wait()
}

func TestNodesThatAgreeGoOn(t *testing.T) {
	compared(t, func(c *cluster) {
		for range 20 {
			c.write()
			rounds()
		}
		c.requireRebuilds()
		if strings.Contains(c.log.String(), "level=ERROR") {
			t.Error(c.log.String())
		}
	})
}

func TestAFollowerThatIsWrongRebuildsItsState(t *testing.T) {
	compared(t, func(c *cluster) {
		c.lapse("n2")
		rounds()
		c.requireRebuilds("n2")
		c.requireSameState()
		if c.nodes["n2"].snapshots != 1 {
			t.Errorf("%d snapshots were taken of the state put right", c.nodes["n2"].snapshots)
		}
		c.write()
		rounds()
		c.requireRebuilds("n2")
		c.requireSameState()
	})
}

func TestAReplicaThatIsWrongRebuildsItsStateAndHasNoSay(t *testing.T) {
	compared(t, func(c *cluster) {
		c.nodes["n3"].away.Store(true)
		c.lapse("n4", "n1")
		rounds()
		c.requireRebuilds() // n1 and n2 differ: two of three voters would have to agree
		c.nodes["n3"].away.Store(false)
		c.elect("n2")
		rounds()
		c.requireRebuilds("n1", "n4")
		c.requireSameState()
	})
}

func TestALeaderThatIsWrongWaitsUntilAnotherLeads(t *testing.T) {
	compared(t, func(c *cluster) {
		c.lapse("n1")
		for c.nodes["n1"].machine.Sound() == nil {
			time.Sleep(handOverLook)
		}
		time.Sleep(handOverPatience / 2)
		synctest.Wait()
		if err := c.nodes["n1"].machine.Sound(); !errors.Is(err, fault.ErrNotReady) {
			t.Errorf("it leads, and its state is %v", err)
		}
		c.write() // goes on meanwhile
		c.elect("n2")
		rounds()
		c.requireRebuilds("n1")
		c.requireSameState()
	})
}

func TestWithoutAMajorityThereIsOnlyAnAlarm(t *testing.T) {
	compared(t, func(c *cluster) {
		c.lapse("n1", "n2") // each in its own way
		rounds()
		c.write()
		rounds()
		c.requireRebuilds()
		for _, id := range c.voters {
			if n := c.nodes[id].auditor.Disagreeing(); n != 2 {
				t.Errorf("%s sees %d voters with another state", id, n)
			}
		}
		if n := strings.Count(c.log.String(), "nodes hold different states"); n != len(c.nodes) {
			t.Errorf("the alarm was raised %d times by %d nodes:\n%s", n, len(c.nodes), c.log.String())
		}
	})
}

func TestANodeThatCannotFetchAsksAgain(t *testing.T) {
	compared(t, func(c *cluster) {
		c.mute.Store(true)
		c.lapse("n2")
		rounds()
		if c.nodes["n2"].machine.Sound() == nil {
			t.Error("a wrong state is answered from, since no other could be fetched")
		}
		c.write()
		c.mute.Store(false)
		rounds()
		c.requireRebuilds("n2")
		c.requireSameState()
	})
}
