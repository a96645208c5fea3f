package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/datadir"
	"github.com/musterhq/muster/internal/eventually"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

func deregister(t *testing.T, n *Node, id string) {
	t.Helper()
	eventually.Succeeds(t, patience, func() error {
		_, err := n.Submit(t.Context(), fsm.Write{Operations: []registry.Operation{registry.Deregister{Service: "payments", ID: id}}})
		if errors.Is(err, registry.ErrInstanceNotFound) || errors.Is(err, registry.ErrServiceNotFound) {
			return nil
		}
		return err
	})
}

// The table of starts, with real files: what is missing, cut, damaged, of another time, another node, another cluster or a
// newer muster, and what comes of it.
func TestAStartServesTheRightStateOrSaysWhatToDo(t *testing.T) {
	good, holds := lived(t, 2, trailingLogs+10)
	other, _ := lived(t, 1, 0)

	for name, test := range map[string]struct {
		change  func(t *testing.T, h *home)
		refused []string // in the line, or
		says    string   // in the log of a node that serves the right state
		aside   string   // what lies in quarantine
	}{
		"as it was left": {
			change: func(*testing.T, *home) {},
		},
		"leftovers of what was broken off": {
			change: func(t *testing.T, h *home) {
				for _, path := range []string{h.path("node.json.new"), h.path("state.db.new"), h.path("raft", "snapshots", "9-99-9.tmp", "state.bin")} {
					if err := errors.Join(os.MkdirAll(path[:strings.LastIndex(path, "/")], 0o700), os.WriteFile(path, []byte("half of"), 0o600)); err != nil {
						t.Fatal(err)
					}
				}
			},
			says: "never finished",
		},

		"no checkpoint": {
			change: func(t *testing.T, h *home) { remove(t, h.path("state.db")) },
			says:   "the checkpoint is missing",
		},
		"an empty checkpoint": {
			change: func(t *testing.T, h *home) {
				change(t, h.path("state.db"), func([]byte) []byte { return nil })
			},
			says: "the checkpoint is missing",
		},
		"a checkpoint that is cut": {
			change: func(t *testing.T, h *home) {
				change(t, h.path("state.db"), func(b []byte) []byte { return b[:3*os.Getpagesize()] })
			},
			says: "the checkpoint is damaged", aside: "state.db-",
		},
		"a checkpoint with a bit that has flipped": {
			change: func(t *testing.T, h *home) { change(t, h.path("state.db"), flipIn("last7")) },
			says:   "the checkpoint is damaged", aside: "state.db-",
		},
		"a checkpoint that is none": {
			change: func(t *testing.T, h *home) {
				change(t, h.path("state.db"), func(b []byte) []byte { return make([]byte, len(b)) })
			},
			says: "the checkpoint is damaged", aside: "state.db-",
		},
		"a checkpoint and the newest snapshot that are damaged": {
			change: func(t *testing.T, h *home) {
				change(t, h.path("state.db"), flipIn("last7"))
				change(t, h.snapshots()[1]+"/state.bin", flip)
			},
			says: "a snapshot is damaged", aside: "state.db-",
		},
		"no checkpoint, and no snapshot that is whole": {
			change: func(t *testing.T, h *home) {
				remove(t, h.path("state.db"), h.snapshots()[0])
				change(t, h.snapshots()[0]+"/meta.json", flip)
			},
			refused: []string{"snapshot that stands for the beginning of Raft's log is missing", "let it join again"},
		},
		"a checkpoint of another cluster": {
			change: func(t *testing.T, h *home) { replace(t, h, other, "state.db") },
			refused: []string{
				"belongs to cluster", "a data directory of its own",
			},
		},

		"the newest snapshot is damaged": {
			change: func(t *testing.T, h *home) { change(t, h.snapshots()[1]+"/state.bin", flip) },
			says:   "a snapshot is damaged", aside: "-",
		},
		"the newest snapshot says something else of itself": {
			change: func(t *testing.T, h *home) {
				change(t, h.snapshots()[1]+"/meta.json", func(b []byte) []byte {
					return []byte(strings.Replace(string(b), `"Index":`, `"Index":1`, 1))
				})
			},
			says: "a snapshot is damaged", aside: "-",
		},
		"a snapshot that was not finished": {
			change: func(t *testing.T, h *home) { remove(t, h.snapshots()[1]+"/seal") },
			says:   "a snapshot is damaged", aside: "-",
		},
		"no snapshots": {
			change:  func(t *testing.T, h *home) { remove(t, h.snapshots()...) },
			refused: []string{"snapshot that stands for the beginning of Raft's log is missing", "let it join again"},
		},
		"a snapshot of another node": {
			change: func(t *testing.T, h *home) {
				theirs := other.snapshots()[0]
				if err := os.CopyFS(h.path("raft", "snapshots", theirs[strings.LastIndex(theirs, "/")+1:]), os.DirFS(theirs)); err != nil && !errors.Is(err, fs.ErrExist) {
					t.Fatal(err)
				}
				replaceFile(t, h.snapshots()[1]+"/seal", theirs+"/seal")
			},
			refused: []string{"of another node"},
		},

		"no log": {
			change:  func(t *testing.T, h *home) { remove(t, h.path("raft", "raft.db")) },
			refused: []string{"raft.db is missing or empty", "let it join again"},
		},
		"no log, and no checkpoint": {
			change:  func(t *testing.T, h *home) { remove(t, h.path("raft", "raft.db"), h.path("state.db")) },
			refused: []string{"raft.db is missing or empty", "let it join again"},
		},
		"neither log nor snapshots": {
			change:  func(t *testing.T, h *home) { remove(t, h.path("raft")) },
			refused: []string{"raft.db is missing or empty", "let it join again"},
		},
		"a log that is cut": {
			change: func(t *testing.T, h *home) {
				change(t, h.path("raft", "raft.db"), func(b []byte) []byte { return b[:5*os.Getpagesize()] })
			},
			refused: []string{"damaged", "raft.db", "let it join again"},
		},
		"a log with a bit that has flipped": {
			change:  func(t *testing.T, h *home) { change(t, h.path("raft", "raft.db"), flipIn("last7")) },
			refused: []string{"damaged", "checksum", "let it join again"},
		},
		"a log that is none": {
			change: func(t *testing.T, h *home) {
				change(t, h.path("raft", "raft.db"), func(b []byte) []byte { return []byte(strings.Repeat("no log\n", len(b)/7)) })
			},
			refused: []string{"damaged", "raft.db", "let it join again"},
		},
		"a log of another node": {
			change:  func(t *testing.T, h *home) { replace(t, h, other, "raft/raft.db") },
			refused: []string{"of another node", "let it join again"},
		},

		"no identity": {
			change:  func(t *testing.T, h *home) { remove(t, h.path("node.json")) },
			refused: []string{"node.json", "let it join again"},
		},
		"an identity with a bit that has flipped": {
			change:  func(t *testing.T, h *home) { change(t, h.path("node.json"), flip) },
			refused: []string{"node.json is damaged", "let it join again"},
		},
		"an identity that is cut": {
			change:  func(t *testing.T, h *home) { change(t, h.path("node.json"), half) },
			refused: []string{"node.json is damaged", "let it join again"},
		},
		"the identity of another node": {
			change:  func(t *testing.T, h *home) { replace(t, h, other, "node.json") },
			refused: []string{"of another node", "let it join again"},
		},
		"an identity of a newer format": {
			change: func(t *testing.T, h *home) {
				change(t, h.path("node.json"), func(b []byte) []byte { return []byte(strings.Replace(string(b), `"format": 1`, `"format": 2`, 1)) })
			},
			refused: []string{"node.json has format 2", "start a newer muster"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := good.copied(t)
			test.change(t, h)
			if test.refused != nil {
				h.wantRefusal(test.refused...)
				h.wantRefusal(test.refused...) // and nothing was made worse
				return
			}
			n := h.start()
			if got := content(n); got != holds {
				t.Errorf("it holds %s, and held %s", got, holds)
			}
			if said := h.said.String(); strings.Count(said, test.says) != 1 && test.says != "" || test.says == "" && strings.Contains(said, "level=WARN") {
				t.Errorf("it says:\n%s\nwant once: %q", said, test.says)
			}
			register(t, n, "one-more")
			after := content(n)
			h.stop(n)
			n = h.start()
			if got := content(n); got != after {
				t.Errorf("after a further start it holds %s, and held %s", got, after)
			}
			h.stop(n)
			wantAside(t, h, test.aside)
		})
	}
}

// flipIn flips a bit of every copy of a text.
func flipIn(text string) func(content []byte) []byte {
	return func(content []byte) []byte {
		return []byte(strings.ReplaceAll(string(content), text, text[:len(text)-1]+string(text[len(text)-1]^1)))
	}
}

func replace(t *testing.T, h, by *home, name string) {
	t.Helper()
	replaceFile(t, h.path(name), by.path(name))
}

func replaceFile(t *testing.T, path, by string) {
	t.Helper()
	content, err := os.ReadFile(by)
	if err != nil {
		t.Fatal(err)
	}
	change(t, path, func([]byte) []byte { return content })
}

// wantAside checks that something with that name is in quarantine, or nothing.
func wantAside(t *testing.T, h *home, name string) {
	t.Helper()
	entries, err := os.ReadDir(h.path("quarantine"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	found := false
	for _, entry := range entries {
		found = found || strings.Contains(entry.Name(), name)
	}
	if found != (name != "") {
		t.Errorf("in quarantine lie %v, want %q", entries, name)
	}
}

// The log was put back to an older copy, or its disk was, while the state was not.
func TestACheckpointAheadOfEverythingIsRefused(t *testing.T) {
	h := newHome(t)
	n := h.start()
	register(t, n, "p1")
	h.stop(n)
	old := h.copied(t)
	n = h.start()
	for i := range 10 {
		register(t, n, fmt.Sprintf("p%d", i))
	}
	h.stop(n)
	replace(t, h, old, "raft/raft.db")
	h.wantRefusal("lost or replaced by an older copy", "the state on this disk stands at index", "let it join again")

	// An older checkpoint is no harm: the log has what it lacks.
	h = old.copied(t)
	n = h.start()
	register(t, n, "p2")
	want := content(n)
	h.stop(n)
	replace(t, h, old, "state.db")
	n = h.start()
	if got := content(n); got != want {
		t.Errorf("it holds %s, and held %s", got, want)
	}
	h.stop(n)
}

func TestACheckpointOfANewerFormatIsNotPutAside(t *testing.T) {
	h := newHome(t)
	n := h.start()
	register(t, n, "p1")
	h.stop(n)
	writeNewerFormat(t, h.path("state.db"))
	h.wantRefusal("state.db", "newer format", "use a newer muster")
	wantAside(t, h, "")
}

// writeNewerFormat makes a checkpoint one that a later muster has written.
func writeNewerFormat(t *testing.T, path string) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		header, err := record.Unframe(meta.Get([]byte("header")))
		if err != nil {
			return err
		}
		return meta.Put([]byte("header"), record.AppendFramed(nil, bytes.Replace(header, []byte(`"min_reader":4`), []byte(`"min_reader":99`), 1)))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestTwoNodesOnOneDataDirectory(t *testing.T) {
	h := newHome(t)
	n := h.start()
	_, err := h.try()
	if !errors.Is(err, datadir.ErrInUse) || !strings.Contains(err.Error(), h.dir) {
		t.Errorf("the second one gets %v", err)
	}
	register(t, n, "p1") // the first one is unimpressed
	h.stop(n)
	h.stop(h.start())
}

// A directory that others can get into is used, and told of.
func TestADataDirectoryThatOthersCanReadIsToldOf(t *testing.T) {
	h := newHome(t)
	h.stop(h.start())
	if said := h.said.String(); strings.Contains(said, "chmod") {
		t.Errorf("of a directory that it has made itself it says:\n%s", said)
	}
	if err := os.Chmod(h.dir, 0o755); err != nil { //nolint:gosec // that is the point
		t.Fatal(err)
	}
	h.stop(h.start())
	if said := h.said.String(); strings.Count(said, "chmod 700") != 1 {
		t.Errorf("it says:\n%s", said)
	}
}

// A start that fails lets go of everything, so that the next one does not find the directory in use.
func TestAStartThatFailsLetsGoOfTheDirectory(t *testing.T) {
	h := newHome(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := Start(ctx, Config{ID: "n1", DataDir: h.dir, HTTPAddr: "127.0.0.1:0", PeerAddr: "127.0.0.1:0", GossipAddr: "127.0.0.1:0"}); err == nil {
		h.stop(n)
	}
	h.stop(h.start())
}
