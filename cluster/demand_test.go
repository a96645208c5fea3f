package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/fault"
)

func TestLeadershipGoesWhereItIsAskedTo(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick)
	c.add("copy", quick, func(c *Config) { c.NonVoter = true }).start().belongs()
	old := c.leader()
	c.requireServers(c.nodes, "n1:voter", "n2:voter", "n3:voter", "copy:nonvoter")
	follower := slices.DeleteFunc(c.others(old), func(n *node) bool { return n.config.NonVoter })[0]

	if leader, err := follower.Transfer(soon(t), follower.config.Label); err != nil || leader != follower.config.Label {
		t.Fatalf("%q leads, error %v", leader, err)
	}
	if leader := c.leader(); leader != follower {
		t.Fatalf("%s leads", leader.config.Label)
	}
	if leader, err := old.Transfer(soon(t), follower.RaftID()); err != nil || leader != follower.config.Label {
		t.Errorf("it leads already; %q leads, error %v", leader, err)
	}
	if leader, err := old.Transfer(soon(t), ""); err != nil || leader == follower.config.Label {
		t.Errorf("to anybody: %q leads, error %v", leader, err)
	}
	if _, err := old.Transfer(soon(t), "nobody"); !errors.Is(err, fault.ErrNodeNotFound) || fault.IsUnknown(err) {
		t.Errorf("to a node that is not there: %v", err)
	}
	if _, err := old.Transfer(soon(t), "copy"); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("to a read replica: %v", err)
	}
}

func TestTheDutiesOfALeaderEndWithItsLeadership(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick)
	old := c.leader()
	next := c.others(old)[0]
	eventually.Succeeds(t, patience, func() error {
		if _, ok := old.contact.last(raft.ServerID(next.RaftID())); !ok {
			return errors.New("the leader has asked nobody")
		}
		return nil
	})
	if _, err := old.Transfer(soon(t), next.config.Label); err != nil {
		t.Fatal(err)
	}
	eventually.Succeeds(t, patience, func() error {
		if silence := old.unanswered(next); silence < 5*old.config.pace.survey {
			return fmt.Errorf("who leads no more has asked %s ago", silence)
		}
		return nil
	})
}

func TestANodeAloneHandsNothingOver(t *testing.T) {
	t.Parallel()
	c := gather(t, 1)
	if _, err := c.leader().Transfer(soon(t), ""); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("error %v", err)
	}
	if _, err := c.leader().Remove(soon(t), "n1", true); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("the only voter was removed: %v", err)
	}
}

func TestAFollowerIsRemovedOnDemandAndLearnsIt(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick, calm)
	leader := c.leader()
	gone, other := c.others(leader)[0], c.others(leader)[1]
	removed, err := other.Remove(soon(t), gone.config.Label, false)
	if err != nil || removed.RaftID != gone.RaftID() {
		t.Fatalf("removed %+v, error %v", removed, err)
	}
	c.requireServers([]*node{leader, other}, leader.config.Label+":voter", other.config.Label+":voter")
	if _, err := other.Remove(soon(t), gone.config.Label, false); !errors.Is(err, fault.ErrNodeNotFound) {
		t.Errorf("a second time: %v", err)
	}
	term := leader.Term()
	gone.knowsItIsOut()
	gone.stop()
	gone.start() // it learns it anew
	gone.knowsItIsOut()
	index := leader.commit("without it")
	if leader.Term() != term {
		t.Errorf("the removed node moved the term from %d to %d", term, leader.Term())
	}
	if gone.journal.Applied() >= index {
		t.Error("it still follows the log")
	}
}

// calm lets nobody but the test change the leader, however busy the machine is. It comes after quick.
func calm(c *Config) {
	c.Multiplier = 4
}

// knowsItIsOut waits until the node says that it was removed.
func (n *node) knowsItIsOut() {
	n.t.Helper()
	eventually.Succeeds(n.t, patience, func() error {
		if n.Expelled() == nil {
			return fmt.Errorf("%s does not know that it was removed", n.config.Label)
		}
		return nil
	})
	if err := n.Expelled(); !errors.Is(err, fault.ErrNotReady) || !strings.Contains(err.Error(), "was removed from cluster "+n.ClusterID()) {
		n.t.Errorf("it says %v", err)
	}
	if _, ok := n.Age(); ok {
		n.t.Error("it vouches for its state")
	}
	if _, err := n.ReadIndex(soon(n.t)); !errors.Is(err, fault.ErrNotReady) {
		n.t.Errorf("it answers a linearizable read: %v", err)
	}
}

func TestANodeThatWasAwayWhenItWasRemovedLearnsIt(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick, calm)
	leader := c.leader()
	gone := c.others(leader)[0]
	gone.stop()
	if _, err := leader.Remove(soon(t), gone.RaftID(), false); err != nil {
		t.Fatal(err)
	}
	term := leader.Term()
	gone.start()
	gone.knowsItIsOut()
	if leader.Term() != term || !leader.Leads() {
		t.Errorf("the removed node disturbed the leader: term %d, and before %d", leader.Term(), term)
	}
}

func TestTheLeaderIsRemovedOnDemand(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick)
	old := c.leader()
	others := c.others(old)
	if _, err := others[0].Remove(soon(t), old.config.Label, false); err != nil {
		t.Fatal(err)
	}
	c.requireServers(others, others[0].config.Label+":voter", others[1].config.Label+":voter")
	c.leaderOf(others...).commit("without it")
	old.knowsItIsOut()
}

func TestARemovalThatWouldCostTheMajorityIsRefused(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick)
	leader := c.leader()
	dead, live := c.others(leader)[0], c.others(leader)[1]
	dead.stop()
	for _, n := range []*node{live, leader} {
		if _, err := live.Remove(soon(t), n.config.Label, false); !errors.Is(err, fault.ErrConflict) || !strings.Contains(err.Error(), "lose its majority") {
			t.Errorf("%s was removed: %v", n.config.Label, err)
		}
	}
	if _, err := live.Remove(soon(t), dead.config.Label, false); err != nil {
		t.Errorf("the dead one can be removed: %v", err)
	}
	leader.commit("two are left")
}

func TestAFaultIsTheSameOnTheOtherSide(t *testing.T) {
	t.Parallel()
	for _, given := range []error{fault.ErrConflict, fault.ErrNodeNotFound, fault.Unknown(fault.ErrTimeout), errors.New("else")} {
		d := failed(fmt.Errorf("%w: because", given))
		got := d.err()
		if want := fmt.Sprintf("%s: because", given); got.Error() != want && !fault.IsUnknown(given) {
			t.Errorf("%q became %q", want, got)
		}
		if fault.IsUnknown(got) != fault.IsUnknown(given) || errors.Is(got, fault.ErrConflict) != errors.Is(given, fault.ErrConflict) {
			t.Errorf("%v became %v", given, got)
		}
	}
	given := fault.Unknown(fault.ErrTimeout)
	if got := failed(given).err(); got.Error() != given.Error() {
		t.Errorf("%q became %q", given, got)
	}
	if (decree{}).err() != nil {
		t.Error("no fault became one")
	}
}

func TestAutopilotCanNeitherRemoveWhatIsKnownNorBringBackWhatWasRemoved(t *testing.T) {
	t.Parallel()
	c := gather(t, 1)
	leader := c.leader()
	piloted := pilotedRaft{leader.raft, leader.Member, func(f raft.Future) error { return f.Error() }}
	if piloted.RemoveServer(raft.ServerID(leader.RaftID()), 0, 0).Error() == nil {
		t.Error("it removed a server by itself")
	}
	if piloted.AddVoter("gone", "n9/gone@127.0.0.1:1", 0, 0).Error() == nil || len(leader.servers()) != 1 {
		t.Error("it added a server that is not there")
	}
}
