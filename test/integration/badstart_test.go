package integration

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// A server that can't start says in one line what was wrong and what to do, and leaves nothing behind.
func TestAStartThatCannotSucceedSaysWhatToDo(t *testing.T) {
	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = used.Close() }()
	file := filepath.Join(t.TempDir(), "file")
	newer := filepath.Join(t.TempDir(), "newer")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(newer, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(newer, "node.json"), []byte(`{"format": 99, "raft_id": "x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	port := used.Addr().String()

	for name, c := range map[string]struct {
		flags []string
		says  string
		exit  int
	}{
		"a used HTTP port":           {[]string{"--http-addr", port}, `in use by .*--http-addr`, 1},
		"a used peer port":           {[]string{"--peer-addr", port}, `in use by .*--peer-addr`, 1},
		"a used gossip port":         {[]string{"--gossip-addr", port}, `in use by .*--gossip-addr`, 1},
		"a file for a directory":     {[]string{"--data-dir", file}, `directory`, 1},
		"a newer data directory":     {[]string{"--data-dir", newer}, `format 99 .*newer muster`, 1},
		"no data directory":          {[]string{"--data-dir", ""}, `--data-dir`, 2},
		"an address without a port":  {[]string{"--peer-addr", "127.0.0.1"}, `host:port`, 2},
		"a replica of nothing":       {[]string{"--nonvoter"}, `--join`, 2},
		"an address nobody can dial": {[]string{"--peer-addr", "0.0.0.0:7301"}, `--advertise-peer`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{
				"server", "--node-id", "n1", "--data-dir", filepath.Join(t.TempDir(), "data"),
				"--http-addr", testcluster.FreeAddress(t), "--peer-addr", testcluster.FreeAddress(t), "--gossip-addr", testcluster.FreeAddress(t),
			}
			command := exec.CommandContext(t.Context(), testcluster.Binary(t), append(args, c.flags...)...)
			var stderr strings.Builder
			command.Stderr = &stderr
			_ = command.Run()
			if status := command.ProcessState.ExitCode(); status != c.exit {
				t.Errorf("exit status %d, where %d was due", status, c.exit)
			}
			said := strings.TrimSpace(stderr.String())
			if !regexp.MustCompile(c.says).MatchString(said) || strings.Count(said, "\n") > 1 {
				t.Errorf("it says %q, where a line with %q was due", said, c.says)
			}
		})
	}
}

func TestTwoProcessesOnOneDataDirectory(t *testing.T) {
	c := testcluster.StartProcesses(t, 1)
	second := exec.CommandContext(t.Context(), testcluster.Binary(t), "server", "--node-id", "n2", "--data-dir", c.Nodes[0].DataDir,
		"--http-addr", testcluster.FreeAddress(t), "--peer-addr", testcluster.FreeAddress(t), "--gossip-addr", testcluster.FreeAddress(t))
	output, err := second.CombinedOutput()
	if err == nil || !strings.Contains(string(output), "in use") {
		t.Errorf("the second process: %v, %s", err, output)
	}
	register(t, c.Nodes[0].HTTP, "payments", "p1") // the first one is unimpressed
}

func TestAJoinThatNeverAnswersIsTold(t *testing.T) {
	nobody := testcluster.FreeAddress(t)
	p := testcluster.StartProcess(t, "--join", nobody)
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(p.Log(), "no node answers at the addresses to join") {
		if time.Now().After(deadline) {
			t.Fatalf("it says only:\n%s", p.Log())
		}
		time.Sleep(50 * time.Millisecond)
	}
}
