package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// failSyncs makes every further sync of one file of a running process fail, until the process ends.
func failSyncs(t *testing.T, p *testcluster.Process, file string) {
	t.Helper()
	pid, err := os.ReadFile(filepath.Join(p.DataDir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	said := filepath.Join(t.TempDir(), "strace")
	strace := exec.CommandContext(t.Context(), "strace", "-f", "-p", strings.TrimSpace(string(pid)), "-o", said,
		"-P", filepath.Join(p.DataDir, file), "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO")
	var stderr strings.Builder
	attached, written, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	strace.Stderr = written
	if err := strace.Start(); err != nil {
		t.Skipf("NOT TESTED: what a disk does that fails a sync. strace can't be started here (%v): install it", err)
	}
	_ = written.Close()
	t.Cleanup(func() {
		_ = strace.Wait() // it ends with the process, or with the test
		_ = attached.Close()
	})
	if err := attached.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 512); !strings.Contains(stderr.String(), "attached"); {
		n, err := attached.Read(b)
		stderr.Write(b[:n])
		if err != nil {
			t.Skipf("NOT TESTED: what a disk does that fails a sync. strace can't attach to a process here: %s", stderr.String())
		}
	}
}

// A disk that has failed to sync says so once, and then goes on as if nothing had been. So the process must not.
func TestASyncThatFailsEndsTheProcessAndLosesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		leads  bool
		reason string
	}{
		"the log of the leader":    {"raft/raft.db", true, "write Raft's log"},
		"the log of a follower":    {"raft/raft.db", false, "write Raft's log"},
		"the checkpoint of a node": {"state.db", false, "write the checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("strace"); err != nil {
				t.Skipf("NOT TESTED: what a disk does that fails a sync. There is no strace here (%v): install it", err)
			}
			cluster := testcluster.StartProcesses(t, 3)
			victim := cluster.Leader()
			others := cluster.Others(victim)
			if !c.leads {
				victim, others = others[0], append(others[1:], victim)
			}
			register(t, victim.HTTP, "payments", "before")
			failSyncs(t, victim, c.file)
			for i := range 5 {
				writeUntilAcknowledged(t, others[i%2].HTTP, fmt.Sprintf("during%d", i))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			err := testcluster.Poll(ctx, func(context.Context) error {
				if victim.Running() {
					return fmt.Errorf("%s still runs", victim.Name)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			last := lastWords(victim.Log())
			for _, says := range []string{"muster: ", c.reason, filepath.Base(c.file), "input/output error"} {
				if !strings.Contains(last, says) {
					t.Errorf("its last line is %q, and does not say %q", last, says)
				}
			}
			if strings.Contains(victim.Log(), "goroutine ") {
				t.Errorf("it has panicked:\n%s", victim.Log())
			}
			victim.Start()
			cluster.AwaitReady()
			requireSameState(t, cluster, []string{"before", "during0", "during1", "during2", "during3", "during4"})
		})
	}
}

// lastWords is the line with which the program says why it ends. Raft may still log a line of its own after it.
func lastWords(log string) (words string) {
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "muster: ") {
			words = strings.TrimSpace(line)
		}
	}
	return words
}
