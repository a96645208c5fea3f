package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	"github.com/oklog/ulid/v2"

	"github.com/musterhq/muster/internal/eventually"
)

func TestThreeNodesFormOneCluster(t *testing.T) {
	t.Parallel()
	c := gather(t, 3)
	id := c.nodes[0].ClusterID()
	for _, n := range c.nodes {
		if n.ClusterID() != id {
			t.Errorf("%s belongs to %s, n1 to %s", n.config.Label, n.ClusterID(), id)
		}
		if len(n.voters()) != 3 {
			t.Errorf("%s knows the voters %v", n.config.Label, n.voters())
		}
	}
	index := c.commit("hello")
	for _, n := range c.nodes {
		if err := n.journal.Await(soon(t), index); err != nil {
			t.Errorf("%s does not apply: %v", n.config.Label, err)
		}
	}
}

func TestSmallClustersWorkToo(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			c := gather(t, size)
			index := c.commit("hello")
			for _, n := range c.nodes {
				read, err := n.ReadIndex(soon(t))
				if err != nil || read < index {
					t.Errorf("%s: read index %d (%v), committed %d", n.config.Label, read, err, index)
				}
				if err := n.journal.Await(soon(t), index); err != nil {
					t.Errorf("%s: %v", n.config.Label, err)
				}
			}
			leader := c.leader()
			leader.HandOver(soon(t)) // to nobody, or to the only other
			leader.stop()
			for _, o := range c.others(leader) {
				leader.config.Join = append(leader.config.Join, o.GossipAddr()) // its own address is another now
			}
			leader.start()
			if again := c.commit("again"); again <= index {
				t.Errorf("after a restart the log goes on at %d, and had come to %d", again, index)
			}
		})
	}
}

// Two halves of a network may each form a cluster while they can't see each other. They must stay two.
func TestClustersThatMeetLateStayApart(t *testing.T) {
	t.Parallel()
	a, b := prepare(t, "a").start().belongs(), prepare(t, "b").start().belongs()
	ids := []string{a.ClusterID(), b.ClusterID()}
	if ids[0] == ids[1] {
		t.Fatalf("both have the id %s", ids[0])
	}
	eventually.Succeeds(t, patience, func() error {
		if a.gossip.said().ClusterID == "" || b.gossip.said().ClusterID == "" {
			return errors.New("they have not said yet where they belong")
		}
		return nil
	})
	if err := b.gossip.join(a.GossipAddr()); err == nil || !strings.Contains(err.Error(), errStranger.Error()) {
		t.Errorf("gossip with the other cluster: %v", err)
	}
	for _, n := range []*node{a, b} {
		n.notes.awaitNote(t, "gossip has met a node of another cluster")
		if met := n.gossip.neighbours(); len(met) != 1 {
			t.Errorf("%s has taken %v into its gossip", n.config.Label, met)
		}
	}

	at := Server{RaftID: b.RaftID(), Label: "b", Peer: b.PeerAddr()}
	_, err := a.peers.call(soon(t), at.String(), callTerm, nil)
	if err == nil || !strings.Contains(err.Error(), "belongs to cluster "+ids[1]) {
		t.Errorf("a call from the other cluster: %v", err)
	}
	request := a.announcer.request(raft.Log{Index: 1, Term: a.Term() + 100})
	if a.transport.AppendEntries(raft.ServerID(b.RaftID()), at.address(), request, new(raft.AppendEntriesResponse)) == nil {
		t.Error("a message of the other cluster's Raft came through")
	}
	if b.Term() > 50 {
		t.Errorf("the other cluster moved this one's term to %d", b.Term())
	}

	late := prepare(t, "late", joining(a, b)).start()
	late.notes.awaitNote(t, "finds nodes of two clusters")
	for i, n := range []*node{a, b} {
		if n.ClusterID() != ids[i] || len(n.servers()) != 1 {
			t.Errorf("%s: cluster %s, which was %s, of %v", n.config.Label, n.ClusterID(), ids[i], n.servers())
		}
	}
	if late.ClusterID() != "" {
		t.Errorf("a newcomer chose %s by itself", late.ClusterID())
	}
}

func TestTwoNodesOfOneNameFormNoCluster(t *testing.T) {
	t.Parallel()
	expect2 := func(c *Config) { c.Expect = 2 }
	first := prepare(t, "twin", expect2).start()
	second := prepare(t, "twin", joining(first), expect2).start()
	first.notes.awaitNote(t, `two nodes are called`)
	if len(first.notes.with("--node-id")) == 0 {
		t.Error("it does not say what to do")
	}
	for _, n := range []*node{first, second} {
		if n.identity.clusterID() != "" {
			t.Errorf("a node has promised itself to %s", n.identity.clusterID())
		}
	}
}

func TestFormingGoesOnWhereTheProposerWasStopped(t *testing.T) {
	t.Parallel()
	expect3 := func(c *Config) { c.Expect = 3 }
	first := prepare(t, "n1", expect3).start() // ids are made in order, and the lowest proposes
	second := prepare(t, "n2", joining(first), expect3).start()
	third := prepare(t, "n3", joining(first), expect3).open()
	asked := make(chan struct{}, 100)
	stopped := make(chan struct{})
	third.Handle(callPromise, func(ctx context.Context, request []byte) ([]byte, error) {
		select {
		case <-stopped:
			return third.answerPromise(ctx, request)
		default:
			asked <- struct{}{}
			return nil, errors.New("not now")
		}
	})
	if err := third.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked:
	case <-soon(t).Done():
		t.Fatal("the third node was never asked for its promise")
	}
	promised := second.identity.clusterID()
	first.stop()
	close(stopped)
	if promised == "" || first.identity.clusterID() != promised {
		t.Fatalf("the first node has promised itself to %q, the second to %q", first.identity.clusterID(), promised)
	}
	err := second.tryToBelong(t.Context())
	if _, waits := errors.AsType[waiting](err); !waits || !strings.Contains(err.Error(), `node "n1"`) {
		t.Errorf("the second node waits for the first, and says: %v", err)
	}

	joining(second)(&first.config)
	first.config.Expect = 3
	first.start()
	for _, n := range []*node{first, second, third} {
		if n.belongs().ClusterID() != promised {
			t.Errorf("%s belongs to %s, and %s was promised", n.config.Label, n.ClusterID(), promised)
		}
	}
}

func TestANodeThatPromisedItselfElsewhereIsNotTakenIn(t *testing.T) {
	t.Parallel()
	expect2 := func(c *Config) { c.Expect = 2 }
	first := prepare(t, "n1", expect2).start()
	second := prepare(t, "n2", joining(first), expect2).open()
	elsewhere := promise{ClusterID: ulid.Make().String(), Servers: []Server{{RaftID: "gone", Label: "gone"}, {RaftID: second.RaftID()}}}
	if err := second.identity.promise(elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	first.notes.awaitNote(t, `can't be part of a new cluster`)
	if len(first.notes.with("promised itself, to cluster "+elsewhere.ClusterID)) == 0 {
		t.Error("it does not say to which cluster the node has promised itself")
	}
	if first.identity.clusterID() != "" {
		t.Error("the proposer bound itself before all were likely to")
	}
}

func TestAPromiseAsksForExactlyThisNode(t *testing.T) {
	t.Parallel()
	n := prepare(t, "n1", func(c *Config) { c.Expect = 3 }).open()
	_, err := n.answerPromise(t.Context(), []byte(`{"cluster_id":"x","servers":[{"raft_id":"another"}]}`))
	if err == nil || n.identity.clusterID() != "" {
		t.Errorf("a promise without this node was given: %v", err)
	}
	if _, err := n.answerPromise(t.Context(), []byte(`{`)); err == nil {
		t.Error("a promise that can't be read was given")
	}
	if _, err := n.answerFree(t.Context(), nil); err != nil {
		t.Errorf("it is free and says %v", err)
	}
}

func TestANewcomerIsLetInWithoutAVote(t *testing.T) {
	t.Parallel()
	c := gather(t, 1)
	n := c.add("new").start().belongs()
	leader := c.leader()
	if n.ClusterID() != leader.ClusterID() {
		t.Errorf("it belongs to %s, the cluster is %s", n.ClusterID(), leader.ClusterID())
	}
	server := slices.IndexFunc(leader.servers(), func(s raft.Server) bool { return string(s.ID) == n.RaftID() })
	if server < 0 || leader.servers()[server].Suffrage != raft.Nonvoter {
		t.Errorf("the servers are %v", leader.servers())
	}
	if err := n.journal.Await(soon(t), c.commit("hello")); err != nil {
		t.Errorf("it does not follow the log: %v", err)
	}
	n.stop()
	n.start() // no newcomer any more
	if err := n.journal.Await(soon(t), c.commit("again")); err != nil {
		t.Errorf("after a restart: %v", err)
	}
}

func TestALabelBelongsToTheLiveNodeThatHasIt(t *testing.T) {
	t.Parallel()
	c := gather(t, 1)
	twin := c.add("n1").start()
	twin.notes.awaitNote(t, "the cluster does not let this node in")
	if len(twin.notes.with("--node-id")) == 0 {
		t.Error("it does not say what to do")
	}
	if twin.ClusterID() != "" || len(c.nodes[0].servers()) != 1 {
		t.Errorf("it belongs to %q; servers %v", twin.ClusterID(), c.nodes[0].servers())
	}
}

func TestOfTwoNewcomersOfOneNameOneIsLetIn(t *testing.T) {
	t.Parallel()
	c := gather(t, 1)
	twins := []*node{c.add("twin"), prepare(t, "twin", joining(c.nodes[0]))}
	for _, n := range twins {
		n.open()
	}
	for _, n := range twins {
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
	}
	eventually.Succeeds(t, patience, func() error {
		refused := len(twins[0].notes.with("does not let this node in")) + len(twins[1].notes.with("does not let this node in"))
		if refused == 0 {
			return errors.New("none was refused")
		}
		return nil
	})
	eventually.Succeeds(t, patience, func() error {
		if (twins[0].ClusterID() == "") == (twins[1].ClusterID() == "") {
			return fmt.Errorf("they belong to %q and %q", twins[0].ClusterID(), twins[1].ClusterID())
		}
		return nil
	})
	if len(c.nodes[0].servers()) != 2 {
		t.Errorf("servers %v", c.nodes[0].servers())
	}
}

func TestANodeThatWaitsForOthersSaysSoOnlyWhenItTakesLong(t *testing.T) {
	t.Parallel()
	m, notes := seeker(t)
	m.identity, m.config.Expect = identityIn(t, t.TempDir()), 3
	const reason = "of the 3 voters that it expects have met"
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			m.belong(ctx)
			close(ended)
		}()
		time.Sleep(seekComplaint - belongInterval)
		if early := notes.with(reason); len(early) > 0 {
			t.Errorf("it complains at once: %v", early)
		}
		time.Sleep(time.Minute)
		if said := notes.with(reason); len(said) != 1 {
			t.Errorf("in a minute it says so %d times", len(said))
		}
		cancel()
		<-ended
	})
}

// It may be that the first of two addresses answers and the second is slow: where the first leads to must not be taken for all
// that there is.
func TestANodeDecidesWhereItBelongsOnceAllAddressesWereAsked(t *testing.T) {
	t.Parallel()
	const reason = "of the 3 voters that it expects have met" // said so long after the first decision
	for name, c := range map[string]struct {
		join     []string
		approach time.Duration // takes so long, 0 is for ever
		decides  time.Duration
	}{
		"all have answered":    {[]string{"127.0.0.1:1"}, firstLook / 2, firstLook / 2},
		"one does not answer":  {[]string{"127.0.0.1:1"}, 0, firstLook},
		"there is none to ask": {nil, 0, 0},
	} {
		m, notes := seeker(t, c.join...)
		m.identity, m.config.Expect = identityIn(t, t.TempDir()), 3
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() {
				m.belong(ctx)
				close(ended)
			}()
			if c.approach > 0 {
				time.AfterFunc(c.approach, func() { m.approached.Store(true) })
			}
			time.Sleep(c.decides + seekComplaint - belongInterval)
			if early := notes.with(reason); len(early) > 0 {
				t.Errorf("%s: it decided too soon: %v", name, early)
			}
			time.Sleep(2 * belongInterval)
			if said := notes.with(reason); len(said) != 1 {
				t.Errorf("%s: it did not decide in time", name)
			}
			cancel()
			<-ended
		})
	}
}
