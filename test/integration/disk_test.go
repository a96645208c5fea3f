package integration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
)

const (
	smallDisk    = 96 << 20 // bytes
	smallReserve = "24MiB"
)

// onSmallDisk moves the node's data to a file system of its own, on which a test may leave as little space as it wants.
func onSmallDisk(t *testing.T, p *testcluster.Process) {
	t.Helper()
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	data, err := os.MkdirTemp(filepath.Dir(p.DataDir), "moved")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(data, os.DirFS(p.DataDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(p.DataDir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	err = syscall.Mount("tmpfs", p.DataDir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", smallDisk))
	switch {
	case errors.Is(err, fs.ErrPermission):
		t.Skipf("NOT TESTED: what a full disk does. A small file system can't be mounted here (%v): run this as root", err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(p.DataDir, syscall.MNT_DETACH); err != nil { // the process, which has files open, is killed later
			t.Error(err)
		}
	})
	if err := os.CopyFS(p.DataDir, os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	p.Start()
}

func ballast(p *testcluster.Process) string { return filepath.Join(p.DataDir, "ballast") }

// fill leaves half of the reserve.
func fill(t *testing.T, p *testcluster.Process) {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(p.DataDir, &s); err != nil {
		t.Fatal(err)
	}
	free := int64(s.Bavail) * s.Bsize
	if err := os.WriteFile(ballast(p), make([]byte, free-12<<20), 0o600); err != nil {
		t.Fatal(err)
	}
}

// makeSpace removes what fill has written.
func makeSpace(t *testing.T, p *testcluster.Process) {
	t.Helper()
	if err := os.Remove(ballast(p)); err != nil {
		t.Fatal(err)
	}
}

// within waits for a node to be as it should.
func within(t *testing.T, limit time.Duration, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := testcluster.Poll(ctx, check); err != nil {
		t.Fatal(err)
	}
}

// metricIs checks a line of a node's /metrics.
func metricIs(ctx context.Context, p *testcluster.Process, line string) error {
	answer, err := testcluster.Get(ctx, p.HTTP+"/metrics")
	if err == nil && !strings.Contains(string(answer.Body), "\n"+line+"\n") {
		err = fmt.Errorf("%s does not say %q", p.Name, line)
	}
	return err
}

// The leader's disk fills up: the leadership goes elsewhere, no write fails, and the node goes on serving and following.
// Then all disks are full: every node refuses writes, none forgets to answer reads. Then there is space again, and
// writes succeed without anybody's help.
func TestAFullDiskCostsTheLeadershipAndFullDisksCostWritesOnly(t *testing.T) {
	c := testcluster.StartProcesses(t, 3, "--disk-reserve", smallReserve)
	for _, p := range c.Nodes {
		onSmallDisk(t, p)
		c.AwaitReady()
	}
	register(t, c.Nodes[0].HTTP, "payments", "before")

	first := c.Leader()
	fill(t, first)
	written := 0
	within(t, 15*time.Second, func(ctx context.Context) error {
		for _, p := range c.Nodes { // no write fails meanwhile, wherever it comes in
			register(t, p.HTTP, "payments", fmt.Sprintf("w%03d-%s", written, p.Name))
			written++
		}
		if c.Leader() == first {
			return fmt.Errorf("%s leads, with a disk that is full", first.Name)
		}
		return metricIs(ctx, first, "muster_disk_low 1")
	})
	index := register(t, first.HTTP, "payments", "through-the-full-one")
	if ids := discover(t, first.HTTP, "payments", index); len(ids) != written+2 {
		t.Errorf("the node with the full disk shows %d instances of %d", len(ids), written+2)
	}

	for _, p := range c.Others(first) {
		fill(t, p)
	}
	for _, p := range c.Nodes {
		within(t, 15*time.Second, func(ctx context.Context) error {
			answer, err := tryRegister(ctx, p.HTTP, "payments", "too-much")
			if err != nil || answer.Status != 507 {
				return fmt.Errorf("a write at %s: %d %s, %w", p.Name, answer.Status, answer.Body, err)
			}
			problem := requireProblem(t, answer, 507, wire.CodeDiskFull)
			if problem.Outcome != wire.NotApplied || !strings.Contains(problem.Detail, "--disk-reserve") {
				t.Errorf("%+v", problem)
			}
			return nil
		})
	}
	for _, p := range c.Nodes {
		for _, how := range []string{"", "?consistency=linearizable"} {
			if answer, err := testcluster.Get(t.Context(), p.HTTP+"/v1/services/payments"+how); err != nil || answer.Status != 200 {
				t.Errorf("a read at %s: %d %s, %v", p.Name, answer.Status, answer.Body, err)
			}
		}
		if strings.Count(p.Log(), "the disk is nearly full") != 1 {
			t.Errorf("%s told of one shortage more or less than once", p.Name)
		}
	}

	for _, p := range c.Nodes {
		makeSpace(t, p)
	}
	freed := time.Now()
	within(t, 15*time.Second, func(ctx context.Context) error {
		answer, err := tryRegister(ctx, c.Nodes[1].HTTP, "payments", "after")
		if err != nil || answer.Status > 201 {
			return fmt.Errorf("%d %s, %w", answer.Status, answer.Body, err)
		}
		return nil
	})
	t.Logf("a write succeeded %s after there was space again", time.Since(freed).Round(time.Millisecond))
	for _, p := range c.Nodes {
		within(t, 15*time.Second, func(ctx context.Context) error { return metricIs(ctx, p, "muster_disk_low 0") })
	}
	testcluster.RequireSameState(t, c)
}
