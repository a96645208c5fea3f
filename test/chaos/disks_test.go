package chaos

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/harm"
	"github.com/musterhq/muster/internal/testcluster"
)

// diskMischief is what can be done to the disks of a cluster of which each node has one of its own.
var diskMischief = []mischief{
	{"the power of all is cut", func(s *stage) func() { return s.cutPower(s.Nodes...) }},
	{"the power of one is cut", func(s *stage) func() { return s.cutPower(s.any()) }},
	{"the leader's disk fills up", func(s *stage) func() { return s.fill(s.Leader()) }},
	{"a follower's disk fills up", func(s *stage) func() { return s.fill(s.follower()) }},
	{"the leader's disk stalls", func(s *stage) func() { return s.stall(s.Leader()) }},
	{"a follower's disk stalls", func(s *stage) func() { return s.stall(s.follower()) }},
	{"the leader's disk dies under it", func(s *stage) func() { return s.loseDisk(s.Leader()) }},
	{"a follower's disk dies under it", func(s *stage) func() { return s.loseDisk(s.follower()) }},
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

// A stall that holds nobody up would prove nothing.
func TestADiskThatStallsHasItsWritersWait(t *testing.T) {
	d := testcluster.NewDisk(t, 16)
	d.Stall()
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(filepath.Join(d.Path, "file"), []byte("late"), 0o600) }()
	select {
	case err := <-written:
		t.Fatalf("it does not stall: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	d.GoOn()
	if err := <-written; err != nil {
		t.Errorf("what had to wait failed: %v", err)
	}
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

// stall has a node's disk do nothing for a while.
func (s *stage) stall(p *testcluster.Process) func() {
	s.disks[p].Stall()
	return s.disks[p].GoOn
}

// loseDisk has a disk fail while its node lives. What was not synced is lost, and whatever the node writes fails: it must not go
// on with what its memory knows, but end by itself and say why.
func (s *stage) loseDisk(p *testcluster.Process) func() {
	before := len(p.Log())
	s.disks[p].CutPower()
	return func() {
		s.awaitEnd(p)
		if said := p.Log()[before:]; !strings.Contains(said, "can't go on") {
			s.t.Errorf("%s has ended and does not say why:\n%s", p.Name, tail(said))
		}
		p.Kill() // it has ended; now the harness knows
		s.disks[p].Restore()
		p.Start()
	}
}

// awaitEnd returns when a node has ended by itself.
func (s *stage) awaitEnd(p *testcluster.Process) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	err := testcluster.Poll(ctx, func(context.Context) error {
		if p.Running() {
			return fmt.Errorf("%s runs on", p.Name)
		}
		return nil
	})
	if err != nil {
		s.t.Fatalf("%v:\n%s", err, tail(p.Log()))
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
