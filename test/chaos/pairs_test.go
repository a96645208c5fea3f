package chaos

import "github.com/musterhq/muster/internal/testcluster"

// pairs are two misfortunes at once. A majority may be away, and then nothing is acknowledged; what was must stay.
var pairs = []mischief{
	{"the leader is frozen while a follower restarts", func(s *stage) func() {
		leader, follower := s.leaderAndFollower()
		return both(s.freeze(leader), s.kill(follower))
	}},
	{"the leader is killed while a follower is cut off", func(s *stage) func() {
		leader, follower := s.leaderAndFollower()
		return both(s.wires(func() { s.Isolate(follower) }), s.kill(leader))
	}},
	{"a follower is killed while another hears nobody", func(s *stage) func() {
		leader := s.Leader()
		others := s.Others(leader)
		return both(s.wires(func() { s.deafen(others[0], (*testcluster.Wires).Cut) }), s.kill(others[1]))
	}},
}

func (s *stage) leaderAndFollower() (leader, follower *testcluster.Process) {
	leader = s.Leader()
	others := s.Others(leader)
	return leader, others[s.random.IntN(len(others))]
}

// both undoes the later one first.
func both(first, second func()) func() {
	return func() {
		second()
		first()
	}
}
