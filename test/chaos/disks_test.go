package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/musterhq/muster/internal/harm"
	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

// diskMischief is what can be done to the disks of a cluster of which each node has one of its own.
var diskMischief = []mischief{
	{"the power of all is cut", func(s *stage) func() { return s.cutPower(s.Nodes...) }},
	{"the power of one is cut", func(s *stage) func() { return s.cutPower(s.any()) }},
	{"the leader's disk fills up", func(s *stage) func() { return s.fill(s.Leader()) }},
	{"a follower's disk fills up", func(s *stage) func() { return s.fill(s.follower()) }},
	{"a file of a stopped node is damaged", func(s *stage) func() {
		p := s.any()
		p.Kill()
		s.t.Log(p.Name, harm.Hurt(s.t, s.random, p.DataDir))
		return func() { s.startOrReplace(p) }
	}},
	{"a node comes back with an empty disk", func(s *stage) func() {
		p := s.any()
		p.Kill()
		return func() { s.replace(p) }
	}},
}

// cutPower cuts the power of nodes in the same moment; what was not synced is lost.
func (s *stage) cutPower(victims ...*testcluster.Process) func() {
	for _, p := range victims {
		s.disks[p].CutPower()
	}
	for _, p := range victims {
		p.Kill() // what its memory knew is lost as well
	}
	return func() {
		for _, p := range victims {
			s.disks[p].Restore()
			p.Start()
		}
	}
}

// fill leaves less room on a node's disk than the node keeps free, and some for what it has under way.
func (s *stage) fill(p *testcluster.Process) func() {
	const left = 12 << 20 // bytes
	var free syscall.Statfs_t
	if err := syscall.Statfs(p.DataDir, &free); err != nil {
		s.t.Fatal(err)
	}
	ballast := filepath.Join(s.disks[p].Path, "ballast")
	f, err := os.Create(ballast) //nolint:gosec // in a directory of the test's own
	if err == nil {
		err = syscall.Fallocate(int(f.Fd()), 0, 0, int64(free.Bavail)*free.Bsize-left)
		_ = f.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			s.t.Fatal(err)
		}
	}
}

// startOrReplace starts a node whose files are damaged. It either heals itself, or ends and says what to do, which is done.
func (s *stage) startOrReplace(p *testcluster.Process) {
	p.Start()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	err := testcluster.Poll(ctx, func(ctx context.Context) error {
		if !p.Running() {
			return nil
		}
		return p.AwaitReady(ctx)
	})
	if err != nil {
		s.t.Fatalf("%s neither serves nor ends: %v", p.Name, err)
	}
	if !p.Running() {
		p.Kill() // it has ended; now the harness knows
		s.replace(p)
	}
}

// replace starts a node that does not run with an empty disk, as a new member under the old name, and returns when it has
// the vote of the old one. Until then a further loss may be one too many.
func (s *stage) replace(p *testcluster.Process) {
	s.t.Helper()
	var old string
	s.awaitCluster(func(c wire.Cluster) error {
		for _, n := range c.Nodes {
			if n.ID == p.Name {
				old = n.RaftID
				return nil
			}
		}
		return fmt.Errorf("no node is called %s", p.Name)
	})
	p.Wipe()
	p.Start()
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
