package cluster

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/fault"
)

// quick lets the membership move faster than in earnest, while no leader loses its office because the machine is busy.
func quick(c *Config) {
	c.Tune, c.Multiplier = nil, 2
	c.pace = pace{survey: 100 * time.Millisecond, stable: 300 * time.Millisecond, replace: time.Second, settle: 300 * time.Millisecond}
}

// fixed gives a node ports that it has again after a restart.
func (n *node) fixed() *node {
	n.config.PeerAddr, n.config.GossipAddr = n.PeerAddr(), n.GossipAddr()
	return n
}

// wipe empties the disk of a node that is stopped.
func (n *node) wipe() {
	n.t.Helper()
	if err := os.RemoveAll(n.config.DataDir); err != nil {
		n.t.Fatal(err)
	}
}

// servers waits until all the given nodes have exactly these servers, each as label:voter or label:nonvoter.
func (c *company) requireServers(nodes []*node, want ...string) {
	c.t.Helper()
	slices.Sort(want)
	for _, n := range nodes {
		eventually.Succeeds(c.t, patience, func() error {
			var got []string
			for _, s := range n.servers() {
				got = append(got, serverOf(s).Label+":"+strings.ToLower(s.Suffrage.String()))
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				return fmt.Errorf("%s has the servers %v, where %v are due", n.config.Label, got, want)
			}
			return nil
		})
	}
}

func TestANewcomerThatKeepsUpIsGivenAVote(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick)
	index := c.leader().commit("before")
	newcomer := c.add("n4", quick).start().belongs()
	c.requireServers(c.nodes, "n1:voter", "n2:voter", "n3:voter", "n4:voter")
	if err := newcomer.journal.Await(soon(t), index); err != nil {
		t.Errorf("it has a vote and not the log: %v", err)
	}
	if founders := newcomer.identity.get().Founders; founders != 3 {
		t.Errorf("three founded the cluster, and it knows of %d", founders)
	}
	if config := (&delegate{member: newcomer.Member}).AutopilotConfig(); config.MinQuorum != 2 {
		t.Errorf("nobody is to be removed below a majority of three, and it says %d", config.MinQuorum)
	}
}

func TestAReadReplicaNeverGetsAVote(t *testing.T) {
	t.Parallel()
	c := gather(t, 1, quick)
	replica := c.add("copy", quick, func(c *Config) { c.NonVoter = true }).start().belongs()
	c.add("n2", quick).start().belongs() // comes later, and gets its vote all the same
	c.requireServers(c.nodes, "n1:voter", "n2:voter", "copy:nonvoter")
	if err := replica.journal.Await(soon(t), c.leader().commit("hello")); err != nil {
		t.Errorf("it does not follow the log: %v", err)
	}
	c.nodes[2].stop() // one of two voters: the replica makes no majority with the other
	eventually.Succeeds(t, patience, func() error {
		if leader, _ := c.nodes[0].Leader(); leader != "" {
			return fmt.Errorf("%s leads", leader)
		}
		return nil
	})
}

func TestAWipedNodeTakesItsOwnPlace(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick)
	wiped := c.others(c.leader())[0].fixed()
	label, old, peer := wiped.config.Label, wiped.RaftID(), wiped.PeerAddr()
	wiped.stop()
	wiped.wipe()
	index := c.leaderOf(c.others(wiped)...).commit("while it is away")
	joining(c.others(wiped)...)(&wiped.config)
	wiped.start()
	wiped.notes.awaitNote(t, "is called \\\""+label+"\\\" already") // as long as it may be another one
	wiped.belongs()

	// It lives where the old one lived, and must not answer for it.
	leader := c.leaderOf(c.nodes...)
	at := Server{RaftID: old, Label: label, Peer: peer}
	var vote raft.RequestVoteResponse
	header := leader.announcer.request(raft.Log{Index: 1, Term: 1}).RPCHeader
	err := leader.transport.RequestVote(raft.ServerID(old), at.address(), &raft.RequestVoteRequest{RPCHeader: header, Term: 1}, &vote)
	if err == nil {
		t.Error("a request for the vote of the lost disk was answered")
	}
	if _, err := leader.peers.call(soon(t), at.String(), callTerm, nil); err == nil {
		t.Error("a call to the node that is lost was answered")
	}

	c.requireServers(c.nodes, "n1:voter", "n2:voter", "n3:voter")
	for _, s := range leader.servers() {
		if string(s.ID) == old {
			t.Error("the lost disk still has a vote")
		}
	}
	if err := wiped.journal.Await(soon(t), index); err != nil {
		t.Error(err)
	}
}

// unanswered is for how long this leader has had no answer from another node.
func (n *node) unanswered(other *node) time.Duration {
	n.contact.mu.Lock()
	defer n.contact.mu.Unlock()
	since := n.contact.since
	if last, ok := n.contact.answers[raft.ServerID(other.RaftID())]; ok {
		since = last.at
	}
	return time.Since(since)
}

func TestANodeIsRemovedWhenItIsSilentForTooLongByRaftAndByGossip(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick, func(c *Config) { c.DeadAfter = time.Second })
	gone := c.others(c.leader())[0]
	others := c.others(gone)
	for _, n := range others {
		c.wires.part(n.config.Label, gone.config.Label)
	}
	eventually.Succeeds(t, patience, func() error {
		if unanswered := c.leaderOf(others...).unanswered(gone); unanswered < 2*gone.config.DeadAfter {
			return fmt.Errorf("it has been parted for %s", unanswered)
		}
		return nil
	})
	if len(c.leaderOf(others...).servers()) != 3 {
		t.Fatal("gossip hears it, and it was removed")
	}
	gone.stop()
	c.requireServers(others, others[0].config.Label+":voter", others[1].config.Label+":voter")
	c.leaderOf(others...).commit("two are enough")
}

func TestANodeThatMovedIsFoundAndWrittenDown(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, quick)
	moved := c.others(c.leader())[0]
	was := moved.PeerAddr()
	moved.stop()
	index := c.leaderOf(c.others(moved)...).commit("while it moves")
	moved.start() // at other ports, which the system chooses
	if moved.PeerAddr() == was {
		t.Skip("the system chose the same port")
	}
	if err := moved.journal.Await(soon(t), index); err != nil {
		t.Fatalf("it is not found: %v", err)
	}
	for _, n := range c.nodes {
		eventually.Succeeds(t, patience, func() error {
			s, _ := serverIn(n.servers(), raft.ServerID(moved.RaftID()))
			if at := serverOf(s); at.Peer != moved.PeerAddr() || s.Suffrage != raft.Voter {
				return fmt.Errorf("%s has it as a %s at %s, and it is at %s", n.config.Label, s.Suffrage, at.Peer, moved.PeerAddr())
			}
			return nil
		})
	}
}

// Raft v1.7.3 puts the new address of a server into place under a lock, and reads the id beside it without one when the server
// answers (updateLastAppended in its replication.go). The id is the same before and after, so nothing comes of it, but the
// race detector is right, and now and then it fails whichever tests run at that moment. So this one runs without it, in a run
// of its own; see the Makefile.
func TestANodeThatIsCalledAnewIsWrittenDown(t *testing.T) {
	if raceDetector {
		t.Skip("NOT RUN with the race detector, which finds a race of Raft's own: make test runs it without")
	}
	t.Parallel()
	c := gather(t, 2, quick)
	n := c.others(c.leader())[0]
	was := n.config.Label
	n.stop()
	n.config.Label = "renamed"
	n.start()
	c.requireServers(c.nodes, "renamed:voter", c.others(n)[0].config.Label+":voter")
	if _, err := n.Transfer(soon(t), was); !errors.Is(err, fault.ErrNodeNotFound) {
		t.Errorf("its old name is still known: %v", err)
	}
}
