package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// memberMischief is what happens to the list of members.
var memberMischief = []mischief{
	{"a fourth node joins and is removed again", func(s *stage) func() {
		guest := s.guest
		guest.Start()
		s.Nodes = append(s.Nodes, guest)
		s.awaitVoters("")
		return func() {
			s.remove(guest)
			guest.Kill()
			guest.Wipe()
		}
	}},
	{"the leader is removed and comes back as a new member", func(s *stage) func() {
		leader := s.Leader()
		old := s.remove(leader)
		return func() {
			leader.Kill()
			leader.Wipe()
			leader.Start()
			s.Nodes = append(s.Nodes, leader)
			s.awaitVoters(old)
		}
	}},
}

// remove takes a node out of the cluster, and returns when it answers as a member no more. It runs on, as one that nobody has
// stopped yet, and is none of the stage's nodes.
func (s *stage) remove(p *testcluster.Process) (raftID string) {
	s.t.Helper()
	raftID = s.raftID(p)
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	remains := s.Others(p)
	err := testcluster.Poll(ctx, func(ctx context.Context) error {
		answer, err := testcluster.Do(ctx, http.MethodDelete, remains[0].HTTP+wire.PathNode(raftID), "")
		if err == nil && answer.Status != http.StatusOK && answer.Status != http.StatusNotFound {
			err = fmt.Errorf("remove %s: %s", p.Name, answer.Body)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Nodes = remains
	s.awaitVoters(raftID)
	s.requireNoMember(p)
	return raftID
}

// requireNoMember waits until a node that was removed has heard of it: it must then answer neither reads nor writes.
func (s *stage) requireNoMember(p *testcluster.Process) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	const document = `{"service":"of-no-member","id":"i","address":"10.0.0.7","port":8080}`
	service := p.HTTP + wire.PathService("of-no-member")
	err := testcluster.Poll(ctx, func(ctx context.Context) error {
		local, err1 := testcluster.Get(ctx, service)
		linearizable, err2 := testcluster.Get(ctx, service+"?consistency=linearizable")
		write, err3 := testcluster.Do(ctx, http.MethodPut, p.HTTP+wire.PathInstance("of-no-member", "i"), document)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		for _, answer := range []testcluster.Answer{local, linearizable, write} {
			if answer.Status != http.StatusServiceUnavailable {
				return fmt.Errorf("%s was removed and answers %d: %s", p.Name, answer.Status, answer.Body)
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// replace starts a node that does not run with an empty disk, as a new member under the old name, and returns when it has
// the vote of the old one. Until then a further loss may be one too many.
func (s *stage) replace(p *testcluster.Process) {
	s.t.Helper()
	old := s.raftID(p)
	p.Wipe()
	p.Start()
	s.awaitVoters(old)
}

// raftID is by what the cluster knows a node for as long as it has its data directory.
func (s *stage) raftID(p *testcluster.Process) (id string) {
	s.t.Helper()
	s.awaitCluster(func(c wire.Cluster) error {
		for _, n := range c.Nodes {
			if n.ID == p.Name {
				id = n.RaftID
				return nil
			}
		}
		return fmt.Errorf("no node is called %s", p.Name)
	})
	return id
}

// awaitVoters returns when the cluster has the nodes of the stage and no others, all with a vote, and one id no more.
func (s *stage) awaitVoters(old string) {
	s.t.Helper()
	s.awaitCluster(func(c wire.Cluster) error {
		for _, n := range c.Nodes {
			if n.RaftID == old || n.Role != "voter" {
				return fmt.Errorf("%s (%s) is a %s", n.ID, n.RaftID, n.Role)
			}
		}
		if len(c.Nodes) != len(s.Nodes) {
			return fmt.Errorf("there are %d nodes", len(c.Nodes))
		}
		return nil
	})
}

// awaitCluster returns when the leader tells of the cluster what is wanted.
func (s *stage) awaitCluster(is func(wire.Cluster) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	err := testcluster.Poll(ctx, func(ctx context.Context) error {
		answer, err := testcluster.Get(ctx, s.Leader().HTTP+wire.PathCluster)
		if err != nil {
			return err
		}
		var c wire.Cluster
		if err := answer.Decode(&c); err != nil {
			return err
		}
		return is(c)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}
