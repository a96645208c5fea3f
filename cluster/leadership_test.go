package cluster

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/eventually"
)

// inBubble makes Rafts that reach each other without sockets and have formed a cluster, whose times are not real.
func inBubble(t *testing.T, n int, notify func(i int) chan<- bool) (rafts []*raft.Raft, transports []*raft.InmemTransport) {
	t.Helper()
	return inBubbleWith(t, n, notify, func(log raft.LogStore) raft.LogStore { return log })
}

// inBubbleWith is inBubble with a log that is not as it should be.
func inBubbleWith(t *testing.T, n int, notify func(i int) chan<- bool, spoiled func(raft.LogStore) raft.LogStore) (
	rafts []*raft.Raft, transports []*raft.InmemTransport,
) {
	t.Helper()
	var servers raft.Configuration
	for i := range n {
		address, transport := raft.NewInmemTransportWithTimeout(raft.ServerAddress(fmt.Sprint(i)), time.Second)
		transports = append(transports, transport)
		servers.Servers = append(servers.Servers, raft.Server{ID: raft.ServerID(address), Address: address})
	}
	for i, transport := range transports {
		for _, other := range transports {
			transport.Connect(other.LocalAddr(), other)
		}
		config := raft.DefaultConfig()
		config.LocalID, config.Logger = servers.Servers[i].ID, hclog.NewNullLogger()
		config.NotifyCh = notify(i)
		store := raft.NewInmemStore()
		r, err := raft.NewRaft(config, newJournal(), spoiled(store), store, raft.NewInmemSnapshotStore(), transport)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := r.BootstrapCluster(servers).Error(); err != nil {
				t.Fatal(err)
			}
		}
		rafts = append(rafts, r)
	}
	return rafts, transports
}

// Nobody takes what Raft tells, as between the end of the member's goroutines and that of Raft, while nodes fall silent and
// come back, and leaders change.
func TestRaftNeverWaitsForWhoeverFollowsTheLeadership(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all []*leadership
		rafts, transports := inBubble(t, 3, func(int) chan<- bool {
			all = append(all, newLeadership())
			return all[len(all)-1].changes
		})
		for i, r := range rafts {
			all[i].observe(r)
		}
		for range 3 {
			time.Sleep(5 * time.Second)
			for i, r := range rafts {
				if r.State() == raft.Leader {
					transports[i].DisconnectAll()
				}
			}
			time.Sleep(10 * time.Second)
			for _, a := range transports {
				for _, b := range transports {
					a.Connect(b.LocalAddr(), b)
				}
			}
		}
		for i, r := range rafts {
			if err := r.Shutdown().Error(); err != nil { // were a goroutine of Raft's stuck, it would never return
				t.Error(err)
			}
			all[i].close()
		}
	})
}

// A duty that is slow to end, and says at the last moment that this node is ready to lead.
func TestALeadershipThatIsOverIsNotReadyWhateverItsDutiesDo(t *testing.T) {
	t.Parallel()
	m := &Member{leadership: newLeadership()}
	m.leadership.readyTerm.Store(7)
	var d duties
	var meanwhile uint64
	d.begin(t.Context(), func(ctx context.Context) {
		<-ctx.Done()
		meanwhile = m.leadership.readyTerm.Load()
		m.leadership.readyTerm.Store(7)
	})
	m.endTerm(&d)
	if afterwards := m.leadership.readyTerm.Load(); meanwhile != 0 || afterwards != 0 {
		t.Errorf("it was ready in term %d, and is in term %d", meanwhile, afterwards)
	}
}

func TestTheLeaderIsWhomRaftNamesLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLeadership()
		rafts, _ := inBubble(t, 1, func(int) chan<- bool { return l.changes })
		l.observe(rafts[0])
		before, changed := l.get()
		time.Sleep(time.Minute)
		select { // one hint stands for all the changes since
		case <-l.observations:
		default:
			t.Error("no hint that there is a leader")
		}
		if leader, news := l.update(); leader != "0" || !news {
			t.Errorf("leader %q, news %v", leader, news)
		}
		select {
		case <-changed:
		default:
			t.Error("who waited for a change is not told")
		}
		if now, _ := l.get(); before != "" || now != "0" {
			t.Errorf("the leader was %q and is %q", before, now)
		}
		if _, news := l.update(); news {
			t.Error("the same leader is news")
		}
		if err := rafts[0].Shutdown().Error(); err != nil {
			t.Error(err)
		}
		l.close()
	})
}

func TestSilenceIsToldOnce(t *testing.T) {
	t.Parallel()
	s := silence{nodes: map[raft.ServerID]bool{}}
	failed := &raft.Observation{Data: raft.FailedHeartbeatObservation{PeerID: "x"}}
	resumed := &raft.Observation{Data: raft.ResumedHeartbeatObservation{PeerID: "x"}}
	requireTurns := func(want ...turn) {
		t.Helper()
		if got := fmt.Sprint(s.take()); got != fmt.Sprint(want) {
			t.Errorf("told is %v, not %v", got, want)
		}
	}
	for range 100 {
		s.note(failed)
	}
	requireTurns(turn{"x", true})
	s.note(failed)
	requireTurns()
	s.note(resumed)
	s.note(resumed)
	s.note(failed)
	requireTurns(turn{"x", false}, turn{"x", true})
	s.forget() // the leadership was lost, and won again
	s.note(resumed)
	requireTurns()
	s.note(failed)
	requireTurns(turn{"x", true})
}

func TestTheLeaderSaysOnceThatANodeIsAwayAndThatItIsBack(t *testing.T) {
	t.Parallel()
	c := gather(t, 3, func(c *Config) {
		c.Tune = func(r *raft.Config) { // so that the leader stays the same
			r.HeartbeatTimeout, r.ElectionTimeout, r.LeaderLeaseTimeout = time.Second, time.Second, time.Second
		}
	})
	leader := c.leader()
	away := c.others(leader)[0]
	for _, n := range c.others(away) {
		c.wires.part(away.config.Label, n.config.Label)
	}
	leader.notes.awaitNote(t, `msg="a node does not answer" node=`+away.config.Label)
	c.wires.heal()
	leader.notes.awaitNote(t, `msg="a node answers again" node=`+away.config.Label)
	if n := len(leader.notes.with("does not answer")); n != 1 {
		t.Errorf("it said so %d times", n)
	}
	if errs := leader.notes.with("level=ERROR"); len(errs) > 0 {
		t.Errorf("for what happens every day it cries out:\n%s", strings.Join(errs, ""))
	}
}

func TestALeaderThatStopsHandsOver(t *testing.T) {
	t.Parallel()
	c := gather(t, 3)
	old := c.leader()
	term := old.Term()
	old.HandOver(soon(t))
	if old.Leads() {
		t.Error("it leads still")
	}
	old.stop()
	leader := c.leaderOf(c.others(old)...)
	if leader.Term() != term+1 {
		t.Errorf("it took the terms up to %d, from %d on", leader.Term(), term)
	}
	for _, n := range c.others(old) {
		if waited := n.notes.with("heartbeat timeout reached"); len(waited) > 1 { // one of them at the first start
			t.Errorf("%s waited for the old leader: %v", n.config.Label, waited)
		}
	}
	c.commitOn(c.others(old), "after")
}

func TestAReadyTermIsTheTermOfALeaderThatHasAppliedAll(t *testing.T) {
	t.Parallel()
	c := gather(t, 1)
	index := c.commit("inherited")
	n := c.nodes[0]
	n.stop()
	n.open()
	release := n.journal.hold()
	defer release()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.journal.entered: // the log is being applied
	case <-soon(t).Done():
		t.Fatal("the log is not applied")
	}
	eventually.Succeeds(t, patience, func() error {
		if !n.Leads() {
			return fmt.Errorf("it does not lead")
		}
		return nil
	})
	if read, err := n.confirmAsLeader(t.Context()); err == nil {
		t.Errorf("it confirms %d before it has applied %d", read, index)
	}
	release()
	if read, err := n.ReadIndex(soon(t)); err != nil || read < index {
		t.Errorf("read index %d (%v), inherited %d", read, err, index)
	}
}
