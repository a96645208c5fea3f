package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/eventually"
)

// home is the data directory of a node that is a cluster of its own.
type home struct {
	t    *testing.T
	dir  string
	said *notes
}

func newHome(t *testing.T) *home {
	t.Helper()
	return &home{t: t, dir: filepath.Join(t.TempDir(), "data"), said: &notes{}}
}

func (h *home) path(names ...string) string {
	return filepath.Join(append([]string{h.dir}, names...)...)
}

// copied is another home with the same in it.
func (h *home) copied(t *testing.T) *home {
	t.Helper()
	c := newHome(t)
	if err := os.CopyFS(c.dir, os.DirFS(h.dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(c.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return c
}

// trailingLogs is so many that they begin before the last snapshot but one, and not with the first entry.
const trailingLogs = 300

// try starts the node. It takes a snapshot every second or two.
func (h *home) try() (*Node, error) {
	return Start(h.t.Context(), Config{
		ID: "n1", DataDir: h.dir, HTTPAddr: "127.0.0.1:0", PeerAddr: "127.0.0.1:0", GossipAddr: "127.0.0.1:0",
		SnapshotThreshold: 20, TrailingLogs: trailingLogs,
		Logger: slog.New(slog.NewTextHandler(h.said, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
}

// start starts the node, which must get ready.
func (h *home) start() *Node {
	h.t.Helper()
	n, err := h.try()
	if err != nil {
		h.t.Fatal(err)
	}
	eventually.Succeeds(h.t, patience, n.Ready)
	return n
}

func (h *home) stop(n *Node) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Close(ctx); err != nil {
		h.t.Fatal(err)
	}
}

// wantRefusal checks that the node does not start, and says in one line why and what to do.
func (h *home) wantRefusal(says ...string) {
	h.t.Helper()
	n, err := h.try()
	if err == nil {
		h.stop(n)
		h.t.Fatal("it has started")
	}
	if strings.Contains(err.Error(), "\n") {
		h.t.Errorf("%q is not one line", err)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			h.t.Errorf("%q does not say %q", err, text)
		}
	}
}

// content is all that a node holds, to be compared.
func content(n *Node) string {
	s := n.Self()
	return fmt.Sprintf("%d instances with the hash %s", n.State().Len(), s.StateHash)
}

// snapshots are the folders of Raft's snapshots, the oldest first.
func (h *home) snapshots() []string { return snapshotsIn(h.t, h.dir) }

// newestIndex is where the newest snapshot ends, as its name says.
func (h *home) newestIndex() int {
	h.t.Helper()
	found := h.snapshots()
	var term, index, made int
	if _, err := fmt.Sscanf(filepath.Base(found[len(found)-1]), "%d-%d-%d", &term, &index, &made); err != nil {
		h.t.Fatal(err)
	}
	return index
}

func snapshotsIn(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "raft", "snapshots", "*-*-*[0-9]"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// lived is the home of a node that was stopped in good order, with so many snapshots, of which the newest stands for at least
// so many entries, a log that goes on behind them, and a checkpoint; and what the node held.
func lived(t *testing.T, snapshots, entries int) (h *home, holds string) {
	t.Helper()
	h = newHome(t)
	n := h.start()
	for i := 0; len(h.snapshots()) < snapshots || h.newestIndex() < entries; i++ {
		register(t, n, fmt.Sprintf("p%03d", i%60))
		deregister(t, n, fmt.Sprintf("p%03d", (i+30)%60))
		time.Sleep(20 * time.Millisecond) // Raft looks every one to two seconds, at most 200 entries later
	}
	for i := range 10 {
		register(t, n, fmt.Sprintf("last%d", i))
	}
	holds = content(n)
	h.stop(n)
	return h, holds
}

// change changes a file.
func change(t *testing.T, path string, f func(content []byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, f(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s is not there", path)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

func half(content []byte) []byte { return content[:len(content)/2] }

func flip(content []byte) []byte {
	content[len(content)/2] ^= 1
	return content
}
