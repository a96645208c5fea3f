package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/testcluster"
)

// Two of three nodes are lost for good. The third goes on alone, with all that was acknowledged, and others join it; what is
// left of the old cluster can't come back.
func TestAClusterThatLostItsMajorityGoesOnFromOneNode(t *testing.T) {
	t.Parallel()
	c := testcluster.StartProcesses(t, 3)
	s := startStream(t, c.Nodes...)
	s.progress(100)
	s.end()
	left, lost, back := c.Nodes[0], c.Nodes[1], c.Nodes[2]
	s.requireAll(left) // so it has all of it, and no other node is asked any more
	old := idOf(t, left)

	if said, err := command(t, "recover", "--data-dir", left.DataDir, "--yes"); err == nil || !strings.Contains(said, "in use") {
		t.Errorf("with the node running: %v\n%s", err, said)
	}
	lost.Kill()
	back.Kill()
	left.Kill()
	before := filesIn(t, left.DataDir)
	if said := mustCommand(t, "recover", "--data-dir", left.DataDir); !strings.Contains(said, "n1") || !strings.Contains(said, "Nothing was changed") ||
		!strings.Contains(said, "n2 (") || !strings.Contains(said, old) {
		t.Errorf("it says\n%s", said)
	}
	for name := range filesIn(t, left.DataDir) {
		if !before[name] {
			t.Errorf("asked what it would do, it made %s", name)
		}
	}
	if said := mustCommand(t, "recover", "--data-dir", left.DataDir, "--yes"); !strings.Contains(said, "only voter of the new cluster") {
		t.Errorf("it says\n%s", said)
	}

	left.Start()
	await(t, left.AwaitReady)
	awaitMembers(t, left, "n1:voter")
	s.requireAll(left)
	register(t, left.HTTP, "payments", "after")
	if idOf(t, left) == old {
		t.Errorf("the cluster still has the id %s", old)
	}

	back.Start() // with the disk that it had
	await(t, func(context.Context) error {
		for _, p := range []*testcluster.Process{back, left} {
			if !strings.Contains(p.Log(), "gossip has met a node of another cluster") {
				return fmt.Errorf("%s has not met the other", p.Name)
			}
		}
		return nil
	})
	awaitMembers(t, left, "n1:voter")
	if idOf(t, back) != old {
		t.Error("the old node has left its cluster")
	}
	back.Kill()
	back.Wipe()
	back.Start()
	awaitMembers(t, left, "n1:voter", "n3:voter")
	await(t, back.AwaitReady)
	s.requireAll(back)
}

func TestRecoveryOfWhatIsNoNodeIsRefused(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for dir, says := range map[string]string{empty: "no node in", filepath.Join(empty, "nowhere"): "no node in"} {
		if said, err := command(t, "recover", "--data-dir", dir, "--yes"); err == nil || !strings.Contains(said, says) {
			t.Errorf("%s: %v\n%s", dir, err, said)
		}
		if len(filesIn(t, empty)) > 0 {
			t.Errorf("it made %v", filesIn(t, empty))
		}
	}
}

// filesIn are the paths of all files in a directory.
func filesIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found[path] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
