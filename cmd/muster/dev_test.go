package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/node"
)

func TestAClusterToTryThingsOutOn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts three real nodes")
	}
	t.Setenv("TMPDIR", t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	banner, stdout := io.Pipe()
	var stderr bytes.Buffer
	p := program{stdout: stdout, stderr: &stderr, environ: func() []string { return nil }, startNode: startNode}
	ended := make(chan int, 1)
	go func() {
		ended <- p.run(ctx, []string{"dev", "--http-port", "0"})
		_ = stdout.Close()
	}()
	addresses, samples := readBanner(t, banner)
	if len(addresses) != 3 {
		t.Fatalf("%d addresses in the banner, want 3; stderr: %s", len(addresses), stderr.String())
	}

	// What the banner says to try works as it stands.
	for _, sample := range samples {
		if after, ok := strings.CutPrefix(sample, "muster "); ok {
			runWith(t, program{}, split(after)...).status0(t, sample)
		} else if out, err := exec.CommandContext(ctx, "sh", "-c", strings.Replace(sample, "curl", "curl -sf", 1)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", sample, err, out)
		}
	}
	for _, addr := range addresses {
		got := runAt(t, addr, "discover", "hello", "--consistent")
		got.status0(t, addr)
		if !strings.Contains(got.stdout, "127.0.0.1:8080") || !strings.Contains(got.stdout, "127.0.0.1:8081") {
			t.Errorf("%s shows\n%s", addr, got.stdout)
		}
	}
	got := runAt(t, addresses[0], "cluster")
	got.status0(t, "cluster")
	if n := strings.Count(got.stdout, "voter"); n != 3 {
		t.Errorf("%d voters in\n%s", n, got.stdout)
	}

	interrupt()
	if status := <-ended; status != exitDone || stderr.Len() > 0 {
		t.Errorf("exit status %d, stderr: %s", status, stderr.String())
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind in the temporary folder: %v %v", left, err)
	}
}

// status0 fails the test unless the run was done.
func (r result) status0(t *testing.T, what string) {
	t.Helper()
	if r.status != exitDone {
		t.Fatalf("%s: exit status %d: %s", what, r.status, r.stderr)
	}
}

// readBanner waits for the banner, finds the addresses and the sample commands in it, and reads on in the background.
func readBanner(t *testing.T, r io.Reader) (addresses, samples []string) {
	t.Helper()
	lines := bufio.NewScanner(r)
	continued := false
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		text := strings.TrimSuffix(line, "\\")
		fields := strings.Fields(line)
		switch {
		case continued:
			samples[len(samples)-1] += text
		case strings.HasPrefix(line, "curl ") || strings.HasPrefix(line, "muster "):
			samples = append(samples, text)
		case len(fields) == 2 && strings.HasPrefix(fields[1], "http://"):
			addresses = append(addresses, fields[1])
		}
		continued = strings.HasSuffix(line, "\\")
		if strings.Contains(line, "Ctrl-C") {
			break
		}
	}
	if len(samples) != 4 {
		t.Errorf("sample commands: %q", samples)
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	return addresses, samples
}

func TestTheNodesOfADevClusterStandTenPortsApart(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	n, asked := newStubNode(), make(chan node.Config, 2)
	base := freeRun(t)
	dir := t.TempDir()
	p := program{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, environ: os.Environ, startNode: starting(n, asked)}
	ended := make(chan int)
	go func() {
		ended <- p.run(ctx, []string{"dev", "--nodes", "2", "--http-port", fmt.Sprint(base), "--data-dir", dir})
	}()
	for i := range 2 {
		c := <-asked
		http, peer, gossip := fmt.Sprintf("127.0.0.1:%d", base+10*i), fmt.Sprintf("127.0.0.1:%d", base+10*i+1), fmt.Sprintf("127.0.0.1:%d", base+10*i+2)
		if c.HTTPAddr != http || c.PeerAddr != peer || c.GossipAddr != gossip {
			t.Errorf("node %d at %s, %s and %s", i, c.HTTPAddr, c.PeerAddr, c.GossipAddr)
		}
		if want := fmt.Sprintf("n%d", i+1); c.ID != want || c.DataDir != filepath.Join(dir, want) {
			t.Errorf("node %d is %s in %s", i, c.ID, c.DataDir)
		}
		if c.BootstrapExpect != 2 || len(c.Join) != i {
			t.Errorf("node %d expects %d and joins %v", i, c.BootstrapExpect, c.Join)
		}
	}
	interrupt()
	if status := <-ended; status != exitDone || n.timesClosed() != 2 {
		t.Errorf("exit status %d, %d nodes closed", status, n.timesClosed())
	}
}

// freeRun finds a port after which those of two nodes are free.
func freeRun(t *testing.T) int {
	t.Helper()
	for base := 20_300; base < 30_000; base += 100 {
		d := dev{nodes: 2, httpPort: base}
		if freePorts(t.Context(), d.endpoints()...) == nil {
			return base
		}
	}
	t.Fatal("no free ports")
	return 0
}

func TestADevClusterThatCannotStartLeavesNothingBehind(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	first := newStubNode()
	started := 0
	p := program{startNode: func(context.Context, node.Config) (runningNode, error) {
		if started++; started > 1 {
			return nil, errors.New("too many")
		}
		return first, nil
	}}
	runWith(t, p, "dev", "--http-port", "0").fails(t, exitFailed, "node n2: too many")
	if first.timesClosed() != 1 {
		t.Errorf("the first node was closed %d times, want once", first.timesClosed())
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestADevClusterEndsWithTheFirstNodeThatFails(t *testing.T) {
	n, asked := newStubNode(), make(chan node.Config, 3)
	n.failed <- errors.New("the disk is gone")
	got := runWith(t, program{startNode: starting(n, asked)}, "dev", "--http-port", "0")
	if got.status != exitFailed || !strings.Contains(got.stderr, "can't go on: the disk is gone") {
		t.Errorf("exit status %d: %s", got.status, got.stderr)
	}
}
