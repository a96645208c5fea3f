package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"

	"github.com/musterhq/muster/internal/node"
)

// serverArgs start a server on ports of the system's choice.
func serverArgs(t *testing.T) []string {
	return []string{
		"server", "--data-dir", t.TempDir(),
		"--http-addr", "127.0.0.1:0", "--peer-addr", "127.0.0.1:0", "--gossip-addr", "127.0.0.1:0",
	}
}

func TestASignalStopsAServerInGoodOrder(t *testing.T) {
	ctx, signal := context.WithCancel(t.Context())
	defer signal()
	n, asked := newStubNode(), make(chan node.Config, 1)
	var stdout, stderr bytes.Buffer
	p := program{stdout: &stdout, stderr: &stderr, environ: os.Environ, startNode: starting(n, asked)}
	ended := make(chan int)
	go func() { ended <- p.run(ctx, serverArgs(t)) }()

	c := <-asked
	select {
	case status := <-ended:
		t.Fatalf("ended by itself with %d", status)
	default:
	}
	signal()
	if status := <-ended; status != exitDone {
		t.Errorf("exit status %d, want %d: %s", status, exitDone, stderr.String())
	}
	if n.timesClosed() != 1 {
		t.Errorf("closed %d times, want once", n.timesClosed())
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != host || c.Version == "" || c.Logger == nil {
		t.Errorf("started as %q (version %q), want the host's name %q", c.ID, c.Version, host)
	}
}

func TestANodeThatFailsEndsItsServerAtOnce(t *testing.T) {
	n, asked := newStubNode(), make(chan node.Config, 1)
	n.failed <- errors.New("the disk is gone")
	got := runWith(t, program{startNode: starting(n, asked)}, serverArgs(t)...)
	got.fails(t, exitFailed, "muster: the node can't go on: the disk is gone\n")
	if n.timesClosed() != 0 {
		t.Error("was stopped in good order, which might spread what is wrong")
	}
}

func TestANodeThatDoesNotStartSaysWhy(t *testing.T) {
	p := program{startNode: func(context.Context, node.Config) (runningNode, error) {
		return nil, errors.New("state.db is in use by another process")
	}}
	runWith(t, p, serverArgs(t)...).fails(t, exitFailed, "muster: state.db is in use by another process\n")
}

func TestASignalDuringTheStartIsNoFailure(t *testing.T) {
	ctx, signal := context.WithCancel(t.Context())
	var stderr bytes.Buffer
	p := program{stdout: &bytes.Buffer{}, stderr: &stderr, environ: os.Environ,
		startNode: func(ctx context.Context, _ node.Config) (runningNode, error) {
			signal()
			return nil, ctx.Err()
		},
	}
	if status := p.run(ctx, serverArgs(t)); status != exitDone {
		t.Errorf("exit status %d, want %d: %s", status, exitDone, stderr.String())
	}
}
