package integration

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// Two nodes join under load, and then a follower and the leader of the first three are removed by command.
func TestAClusterGrowsToFiveNodesAndBackUnderLoad(t *testing.T) {
	t.Parallel()
	c := testcluster.StartProcesses(t, 3)
	s := startStream(t, c.Nodes...)
	s.progress(50)

	c.Add()
	c.Add()
	awaitMembers(t, c.Nodes[0], "n1:voter", "n2:voter", "n3:voter", "n4:voter", "n5:voter")
	s.progress(50)

	leader := c.Leader()
	follower := c.Others(leader)[0]
	rest := []*testcluster.Process{}
	voters := []string{}
	for _, p := range c.Nodes {
		if p != leader && p != follower {
			rest = append(rest, p)
			voters = append(voters, p.Name+":voter")
		}
	}
	s.through(rest...)
	for _, gone := range []*testcluster.Process{follower, leader} {
		if said := mustCommand(t, "cluster", "remove", gone.Name, "--addr", rest[0].HTTP); !strings.Contains(said, "removed "+gone.Name) {
			t.Errorf("it says %q", said)
		}
	}
	awaitMembers(t, rest[0], voters...)
	s.progress(50)
	s.end()
	for _, p := range rest {
		s.requireAll(p)
	}
	for _, gone := range []*testcluster.Process{follower, leader} {
		awaitExpelled(t, gone)
	}
	t.Logf("%d writes acknowledged; the longest took %s", len(s.acknowledged), s.longest.Round(time.Millisecond))
	if s.longest > 7*time.Second {
		t.Error("there was a time without a majority")
	}
}

// awaitExpelled waits until a node says that it was removed, and checks that it answers nothing else.
func awaitExpelled(t *testing.T, p *testcluster.Process) {
	t.Helper()
	await(t, func(ctx context.Context) error {
		answer, err := testcluster.Get(ctx, p.HTTP+"/readyz")
		if err == nil && !strings.Contains(string(answer.Body), "was removed from cluster") {
			err = fmt.Errorf("%s says %s", p.Name, answer.Body)
		}
		return err
	})
	requireProblem(t, get(t, p.HTTP+"/readyz"), http.StatusServiceUnavailable, wire.CodeNotReady)
	requireProblem(t, get(t, p.HTTP+"/v1/services"), http.StatusServiceUnavailable, wire.CodeNotReady)
	answer, err := tryRegister(t.Context(), p.HTTP, "payments", "lost")
	if err != nil {
		t.Fatal(err)
	}
	requireProblem(t, answer, http.StatusServiceUnavailable, wire.CodeNotReady)
	if !strings.Contains(p.Log(), "was removed from cluster") {
		t.Errorf("%s does not log it", p.Name)
	}
}

// Six fresh nodes, three here and three there, are told of each other only when each three have formed a cluster.
func TestTwoClustersThatAreToldOfEachOtherStayTwo(t *testing.T) {
	t.Parallel()
	here, there := testcluster.StartProcesses(t, 3), testcluster.StartProcesses(t, 3)
	for i, c := range []*testcluster.Processes{here, there} {
		register(t, c.Nodes[0].HTTP, "payments", fmt.Sprintf("p%d", i))
	}
	first, second := idOf(t, here.Nodes[0]), idOf(t, there.Nodes[0])
	if first == second {
		t.Fatalf("both have the id %s", first)
	}
	for i, p := range there.Nodes {
		if err := p.Stop(); err != nil {
			t.Fatal(err)
		}
		p.Flags("--join", here.Nodes[i].Gossip)
		p.Start()
	}
	there.AwaitReady()
	await(t, func(context.Context) error {
		for _, p := range there.Nodes {
			if !strings.Contains(p.Log(), "gossip has met a node of another cluster") {
				return fmt.Errorf("%s has not met the others:\n%s", p.Name, p.Log())
			}
		}
		return nil
	})
	for i, c := range []*testcluster.Processes{here, there} {
		id := []string{first, second}[i]
		for _, p := range c.Nodes {
			awaitMembers(t, p, "n1:voter", "n2:voter", "n3:voter")
			if got := idOf(t, p); got != id {
				t.Errorf("%s belongs to %s, and did to %s", p.Name, got, id)
			}
		}
		index := register(t, c.Nodes[1].HTTP, "payments", "later")
		if ids := discover(t, c.Nodes[2].HTTP, "payments", index); len(ids) != 2 {
			t.Errorf("it shows %v", ids)
		}
	}
}

// The same, told of each other while neither three have met all that they expect.
func TestTwoGroupsThatHaveNotFormedAClusterFormOne(t *testing.T) {
	t.Parallel()
	here := testcluster.PrepareProcesses(t, 3, "--bootstrap-expect", "6")
	there := testcluster.PrepareProcesses(t, 3, "--bootstrap-expect", "6")
	for i, p := range there.Nodes {
		p.Flags("--node-id", fmt.Sprintf("m%d", i+1))
	}
	all := append(append([]*testcluster.Process{}, here.Nodes...), there.Nodes...)
	for _, p := range all {
		p.Start()
	}
	await(t, func(context.Context) error {
		for _, p := range []*testcluster.Process{here.Nodes[0], there.Nodes[0]} {
			if !strings.Contains(p.Log(), "3 of the 6 voters") {
				return fmt.Errorf("%s does not say what it waits for:\n%s", p.Name, p.Log())
			}
		}
		return nil
	})
	if err := here.Nodes[0].Stop(); err != nil {
		t.Fatal(err)
	}
	here.Nodes[0].Flags("--join", there.Nodes[0].Gossip)
	here.Nodes[0].Start()
	here.AwaitReady()
	there.AwaitReady()
	for _, p := range all {
		awaitMembers(t, p, "n1:voter", "n2:voter", "n3:voter", "m1:voter", "m2:voter", "m3:voter")
		if got, want := idOf(t, p), idOf(t, all[0]); got != want {
			t.Errorf("%s belongs to %s, and n1 to %s", p.Name, got, want)
		}
	}
}

// idOf is the cluster that a node belongs to.
func idOf(t *testing.T, p *testcluster.Process) string {
	t.Helper()
	c, err := cluster(t.Context(), p.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func TestANodeThatLostItsDiskTakesItsOwnPlace(t *testing.T) {
	t.Parallel()
	c := testcluster.StartProcesses(t, 3)
	lost := c.Others(c.Leader())[0]
	old := awaitMembers(t, lost, "n1:voter", "n2:voter", "n3:voter")[lost.Name].RaftID
	lost.Kill()
	lost.Wipe()
	s := startStream(t, c.Others(lost)...)
	s.progress(20)
	lost.Start()
	await(t, lost.AwaitReady)
	await(t, func(ctx context.Context) error {
		now, err := cluster(ctx, c.Others(lost)[0].HTTP)
		if err != nil {
			return err
		}
		for _, n := range now.Nodes {
			if n.RaftID == old || n.Role != "voter" {
				return fmt.Errorf("%s (%s) is a %s", n.ID, n.RaftID, n.Role)
			}
		}
		return nil
	})
	awaitMembers(t, lost, "n1:voter", "n2:voter", "n3:voter")
	s.end()
	s.requireAll(lost)
}

func TestANodeThatCrashedAndComesBackElsewhereIsFound(t *testing.T) {
	t.Parallel()
	c := testcluster.StartProcesses(t, 3)
	moved := c.Others(c.Leader())[0]
	before := awaitMembers(t, moved, "n1:voter", "n2:voter", "n3:voter")[moved.Name]
	moved.Kill()
	s := startStream(t, c.Others(moved)...)
	s.progress(20)
	s.end()
	moved.Flags("--peer-addr", testcluster.FreeAddress(t), "--gossip-addr", testcluster.FreeAddress(t))
	moved.Start()
	await(t, moved.AwaitReady)
	s.requireAll(moved)
	for _, p := range c.Nodes {
		await(t, func(ctx context.Context) error {
			now, err := cluster(ctx, p.HTTP)
			for _, n := range now.Nodes {
				if n.ID == moved.Name && (n.RaftID != before.RaftID || n.Peer == before.Peer || n.GossipState != "alive") {
					err = fmt.Errorf("%s sees %+v", p.Name, n)
				}
			}
			return err
		})
	}
}

func TestAReadReplicaAnswersReadsAndCountsForNoMajority(t *testing.T) {
	t.Parallel()
	c := testcluster.StartProcesses(t, 3)
	voters := append([]*testcluster.Process{}, c.Nodes...)
	replica := c.Add("--nonvoter", "--zone", "eu-1a", "--datacenter", "eu", "--node-meta", "rack=7")
	c.AwaitReady()
	c.Add() // comes later than the replica, and gets a vote
	awaitMembers(t, replica, "n1:voter", "n2:voter", "n3:voter", "n4:nonvoter", "n5:voter")
	mustCommand(t, "cluster", "remove", "n5", "--addr", replica.HTTP)
	members := awaitMembers(t, voters[0], "n1:voter", "n2:voter", "n3:voter", "n4:nonvoter")
	if r := members["n4"]; r.Zone != "eu-1a" || r.Datacenter != "eu" || r.Meta["rack"] != "7" {
		t.Errorf("of the replica the others know the zone %q, the data centre %q and %v", r.Zone, r.Datacenter, r.Meta)
	}

	index := register(t, replica.HTTP, "payments", "p1")
	if ids := discover(t, replica.HTTP, "payments", index); len(ids) != 1 {
		t.Errorf("the replica shows %v", ids)
	}
	if answer := get(t, replica.HTTP+"/v1/services/payments?consistency=linearizable"); answer.Status != http.StatusOK {
		t.Errorf("a linearizable read: %d %s", answer.Status, answer.Body)
	}
	answer, err := testcluster.Do(t.Context(), "POST", replica.HTTP+"/v1/cluster/leadership", `{"to": "n4"}`)
	if err != nil {
		t.Fatal(err)
	}
	requireProblem(t, answer, http.StatusConflict, wire.CodeConflict)

	voters[1].Kill()
	voters[2].Kill()
	await(t, func(ctx context.Context) error {
		answer, err := testcluster.Get(ctx, voters[0].HTTP+"/readyz")
		if err == nil && answer.Status != http.StatusServiceUnavailable {
			err = fmt.Errorf("one voter and a replica have a leader: %s", answer.Body)
		}
		return err
	})
	if ids := discover(t, replica.HTTP, "payments", index); len(ids) != 1 {
		t.Errorf("without a majority the replica shows %v", ids)
	}
	requireProblem(t, get(t, replica.HTTP+"/v1/services/payments?consistency=linearizable"), http.StatusServiceUnavailable, wire.CodeNoLeader)
}

func TestANodeThatIsDeadForLongIsRemovedAndOneThatWasStoppedIsNot(t *testing.T) {
	t.Parallel()
	c := testcluster.StartProcesses(t, 3, "--dead-after", "12s")
	stopped := c.Others(c.Leader())[0]
	if err := stopped.Stop(); err != nil {
		t.Fatal(err)
	}
	s := startStream(t, c.Others(stopped)...)
	s.progress(20)
	s.end()
	stopped.Start()
	await(t, stopped.AwaitReady)
	awaitMembers(t, stopped, "n1:voter", "n2:voter", "n3:voter")
	s.requireAll(stopped)

	dead := c.Others(c.Leader())[1]
	dead.Kill()
	rest := c.Others(dead)
	awaitMembers(t, rest[0], rest[0].Name+":voter", rest[1].Name+":voter")
	register(t, rest[1].HTTP, "payments", "after")
	dead.Start()
	awaitExpelled(t, dead)
	dead.Kill()
	dead.Wipe()
	dead.Start()
	awaitMembers(t, rest[0], "n1:voter", "n2:voter", "n3:voter")
}
