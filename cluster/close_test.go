package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/goleak"

	"github.com/musterhq/muster/internal/eventually"
)

// listenSilently takes connections and says nothing, and returns where.
func listenSilently(t *testing.T) string {
	t.Helper()
	listener, err := TCP{}.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// spoil sees to it that a start fails because of something.
func spoil(t *testing.T, what string, c *Config) {
	t.Helper()
	var err error
	switch what {
	case "the folder of Raft":
		err = os.WriteFile(filepath.Join(c.DataDir, "raft"), nil, 0o600)
	case "the identity":
		err = os.WriteFile(filepath.Join(c.DataDir, "node.json"), []byte("{"), 0o600)
	case "the peer port":
		c.PeerAddr = listenSilently(t)
	case "the gossip port":
		c.GossipAddr = listenSilently(t)
	case "the advertised gossip address":
		c.AdvertiseGossip = "no address"
	case "the log":
		c.Machine.(*journal).state.Applied = 7 // more than there is
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestAStartThatFailsLeavesNothingRunningAndNothingLocked(t *testing.T) {
	for _, c := range []struct {
		what, says string
		forever    bool
	}{
		{"the folder of Raft", "make a folder for Raft", true},
		{"the identity", "is damaged", true},
		{"the peer port", "open the peer port", false},
		{"the gossip port", "open the gossip port", false},
		{"the advertised gossip address", "host:port", false},
		{"the log", "the state on this disk stands at index 7", false},
	} {
		t.Run(c.what, func(t *testing.T) {
			defer goleak.VerifyNone(t, lingering(goleak.IgnoreCurrent())...)
			n := prepare(t, "n1")
			spoiled := n.config
			spoiled.Machine, spoiled.Log = newJournal(), n.notes.log()
			spoil(t, c.what, &spoiled)
			m, err := New(t.Context(), spoiled)
			if err == nil {
				err = m.Start()
				if err := m.Close(t.Context()); err != nil {
					t.Errorf("close: %v", err)
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("it says: %v", err)
			}
			if !c.forever {
				n.start().belongs() // the files are not in use any more
				n.stop()
			}
		})
	}
}

func TestAMemberMayBeClosedBeforeItStarts(t *testing.T) {
	defer goleak.VerifyNone(t, lingering(goleak.IgnoreCurrent())...)
	n := prepare(t, "n1").open()
	conn := dial(t, TCP{}, n.PeerAddr())
	if _, err := conn.Write(preamble("A", "v")); err != nil {
		t.Fatal(err)
	}
	n.stop()
	n.open()
	n.stop()
}

func TestAWrongConfigurationIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*Config){
		"the data directory is missing":   func(c *Config) { c.DataDir = "" },
		"the node's name is missing":      func(c *Config) { c.Label = "" },
		"from 1 to 20, not 0":             func(c *Config) { c.Multiplier = 0 },
		"from 1 to 20, not 21":            func(c *Config) { c.Multiplier = 21 },
		"1 to 9 voters, not 10":           func(c *Config) { c.Expect = 10 },
		"1 to 9 voters, not -1":           func(c *Config) { c.Expect = -1 },
		"needs the address of another":    func(c *Config) { c.Expect = 0 },
		"a read replica takes no part":    func(c *Config) { c.NonVoter = true },
		"a network, a state machine and ": func(c *Config) { c.Network = nil },
	} {
		n := prepare(t, "n1", change)
		n.config.Machine, n.config.Log = newJournal(), n.notes.log()
		if _, err := New(t.Context(), n.config); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
}

func TestAStopLeavesNothingRunning(t *testing.T) {
	defer goleak.VerifyNone(t, lingering(goleak.IgnoreCurrent())...)
	c := gather(t, 3)
	c.commit("x")
	leader := c.leader()
	for _, n := range c.nodes {
		if _, err := n.ReadIndex(soon(t)); err != nil {
			t.Error(err)
		}
	}
	halfOpen := []net.Conn{dial(t, TCP{}, leader.PeerAddr()), dial(t, TCP{}, leader.PeerAddr()), dial(t, TCP{}, leader.PeerAddr())}
	for i, said := range []string{"", "P", "R\x05"} {
		if _, err := halfOpen[i].Write([]byte(said)); err != nil {
			t.Error(err)
		}
	}
	for _, n := range append(c.others(leader), leader) { // the leader last, when nobody answers it any more
		n.stop()
		n.open() // the files are not in use any more
		n.stop()
	}
}

// Whoever uses the member while it stops gets an error, and nobody hangs or panics.
func TestAMemberInUseCanBeStopped(t *testing.T) {
	defer goleak.VerifyNone(t, lingering(goleak.IgnoreCurrent())...)
	c := gather(t, 2)
	leader := c.leader()
	other := c.others(leader)[0]
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	uses := []func(*node){
		func(n *node) { _, _ = n.ReadIndex(ctx) },
		func(n *node) { _, _ = n.Commit(ctx, []byte("x")) },
		func(n *node) { _, _ = n.Call(ctx, other.RaftID(), callReadIndex, nil) },
		func(n *node) { _, _ = n.Call(ctx, leader.RaftID(), callStatus, nil) },
		func(n *node) { _ = n.Nodes(ctx) },
		func(n *node) { _, _ = n.Age(); _ = n.Electorate(); _ = n.GossipAddr(); _ = n.LeaderHTTP() },
	}
	for _, n := range c.nodes {
		for _, use := range uses {
			go func() {
				for ctx.Err() == nil {
					use(n)
				}
				ended <- struct{}{}
			}()
		}
	}
	for _, n := range []*node{leader, other} {
		before := n.journal.Applied()
		eventually.Succeeds(t, patience, func() error { // it is really in use
			if n.journal.Applied() < before+3 && n == leader {
				return errors.New("nothing happens")
			}
			return nil
		})
		n.stop()
	}
	cancel()
	for range len(c.nodes) * len(uses) {
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatal("somebody hangs")
		}
	}
}

// A machine whose kernel still takes packets, but whose process is stopped, must not hold up the stop of another node.
func TestAStopDoesNotWaitForANodeThatDoesNotAnswer(t *testing.T) {
	defer goleak.VerifyNone(t, lingering(goleak.IgnoreCurrent())...)
	c := gather(t, 1)
	leader := c.leader()
	silent := listenSilently(t)
	if err := leader.raft.AddNonvoter("silent", raft.ServerAddress(silent), 0, patience).Error(); err != nil {
		t.Fatal(err)
	}
	c.commit("x") // which is announced to the silent node too
	calling := make(chan error, 1)
	go func() {
		_, err := leader.Call(context.Background(), "silent", callStatus, nil)
		calling <- err
	}()
	eventually.Succeeds(t, patience, func() error {
		leader.announcer.mu.Lock()
		defer leader.announcer.mu.Unlock()
		if !leader.announcer.busy["silent"] {
			return errors.New("nothing was announced")
		}
		return nil
	})
	began := time.Now()
	leader.stop()
	if took := time.Since(began); took > 6*time.Second { // Raft's own time-out is 10 s
		t.Errorf("the stop took %v", took)
	}
	select {
	case err := <-calling:
		if err == nil {
			t.Error("the silent node answered")
		}
	case <-time.After(patience):
		t.Error("a call waits for the silent node")
	}
}

func TestAStopDoesNotWaitLongForANodeToJoin(t *testing.T) {
	defer goleak.VerifyNone(t, lingering(goleak.IgnoreCurrent())...)
	silent := listenSilently(t)
	n := prepare(t, "n1", func(c *Config) { c.Join = []string{silent, silent, silent} }).start().belongs()
	began := time.Now()
	n.stop()
	if took := time.Since(began); took > 6*time.Second { // memberlist's own time-out is 10 s
		t.Errorf("the stop took %v", took)
	}
}
