package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// mischief is done to a cluster that is well, and undone after a while. Both are drawn, and so is the while.
type mischief struct {
	name string
	do   func(s *stage) (undo func())
}

// stage is where faults happen: the cluster, and the random choices.
type stage struct {
	*testcluster.Wires
	t      *testing.T
	random *rand.Rand
	disks  map[*testcluster.Process]*testcluster.Disk // where each node has one of its own
	guest  *testcluster.Process                       // a fourth node, which is no member but for a while

	watchers []*watcher
	can      []mischief // what may be drawn
}

func (s *stage) any() *testcluster.Process { return s.Nodes[s.random.IntN(len(s.Nodes))] }

func (s *stage) follower() *testcluster.Process {
	_, follower := s.leaderAndFollower()
	return follower
}

// faults are all that can be done to a cluster of which each node is a process with a network of its own.
var faults = []mischief{
	{"the leader is killed", func(s *stage) func() { return s.kill(s.Leader()) }},
	{"a follower is killed", func(s *stage) func() { return s.kill(s.follower()) }},
	{"a majority is killed", func(s *stage) func() { return s.kill(s.Others(s.any())...) }},
	{"all are killed", func(s *stage) func() { return s.kill(s.Nodes...) }},
	{"the leader is frozen", func(s *stage) func() { return s.freeze(s.Leader()) }},
	{"a follower is frozen", func(s *stage) func() { return s.freeze(s.follower()) }},
	{"the leader is cut off", func(s *stage) func() { return s.wires(func() { s.Isolate(s.Leader()) }) }},
	{"a follower is cut off", func(s *stage) func() { return s.wires(func() { s.Isolate(s.follower()) }) }},
	{"all are cut off from each other", func(s *stage) func() {
		return s.wires(func() {
			for _, p := range s.Nodes {
				s.Isolate(p)
			}
		})
	}},
	{"the leader hears nobody", func(s *stage) func() { return s.wires(func() { s.deafen(s.Leader(), (*testcluster.Wires).Cut) }) }},
	{"nobody hears the leader", func(s *stage) func() { return s.wires(func() { s.silence(s.Leader()) }) }},
	{"the leader and a follower can't reach each other", func(s *stage) func() {
		return s.wires(func() {
			leader, follower := s.Leader(), s.follower()
			s.Cut(leader, follower)
			s.Cut(follower, leader)
		})
	}},
	{"one way between two is cut", func(s *stage) func() {
		return s.wires(func() {
			from := s.any()
			others := s.Others(from)
			s.Cut(from, others[s.random.IntN(len(others))])
		})
	}},
	{"gossip is split while Raft is not", func(s *stage) func() {
		return s.wires(func() { s.deafen(s.any(), (*testcluster.Wires).CutGossip) })
	}},
	{"Raft is split while gossip is not", func(s *stage) func() {
		return s.wires(func() { s.deafen(s.Leader(), (*testcluster.Wires).CutPeer) })
	}},
	{"a node is restarted in good order", func(s *stage) func() {
		p := s.any()
		if err := p.Stop(); err != nil {
			s.t.Errorf("%s stops with %v", p.Name, err)
		}
		return p.Start
	}},
	{"the leadership changes every second", func(s *stage) func() {
		for range 4 {
			s.handOver()
			time.Sleep(time.Second)
		}
		return func() {}
	}},
}

func (s *stage) kill(victims ...*testcluster.Process) func() {
	for _, p := range victims {
		p.Kill()
	}
	return func() {
		for _, n := range s.random.Perm(len(victims)) {
			victims[n].Start()
		}
	}
}

func (s *stage) freeze(p *testcluster.Process) func() {
	p.Pause()
	return p.Resume
}

func (s *stage) wires(cut func()) func() {
	cut()
	return s.Heal
}

// deafen has a node hear nothing that the others send.
func (s *stage) deafen(p *testcluster.Process, cut func(w *testcluster.Wires, from, to *testcluster.Process)) {
	for _, other := range s.Others(p) {
		cut(s.Wires, other, p)
	}
}

// silence has nobody hear what a node sends.
func (s *stage) silence(p *testcluster.Process) {
	for _, other := range s.Others(p) {
		s.Cut(p, other)
	}
}

// handOver asks the leader to hand its leadership over; that it can't just now is no matter.
func (s *stage) handOver() {
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	_, _ = testcluster.Do(ctx, http.MethodPost, s.any().HTTP+wire.PathLeadership, "{}")
}

// between is a time between two.
func (s *stage) between(least, most time.Duration) time.Duration {
	return least + time.Duration(s.random.Int64N(int64(most-least)))
}

// awaitWell returns when all nodes are there and have caught up.
func (s *stage) awaitWell() {
	s.t.Helper()
	for _, p := range s.Nodes {
		if !p.Running() {
			s.t.Fatalf("%s has ended by itself:\n%s", p.Name, tail(p.Log()))
		}
	}
	s.AwaitReady()
}

func tail(log string) string { return fmt.Sprint(log[max(0, len(log)-4000):]) }
