package integration

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/registry"
)

// A program without an SDK: it is registered while it runs, gets the signals, says goodbye with its own status, and is gone
// from the registry then.
func TestAProgramIsRunUnderTheEyesOfTheRegistry(t *testing.T) {
	c := testcluster.StartProcesses(t, 1)
	node := c.Nodes[0].HTTP
	command := exec.CommandContext(t.Context(), testcluster.Binary(t), "run", "leased", "--addr", node, "--port", "8080", "--id", "a", "--ttl", "1s",
		"--", "sh", "-c", `trap 'echo goodbye; exit 5' TERM; while :; do sleep 0.05; done`)
	var stdout strings.Builder
	command.Stdout = &stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, c.Nodes, "a", registry.Healthy)
	time.Sleep(2500 * time.Millisecond) // longer than its lease
	if is := shown(t, node, "a"); is != registry.Healthy {
		t.Errorf("it is %s while it runs", is)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	if status := command.ProcessState.ExitCode(); status != 5 || stdout.String() != "goodbye\n" {
		t.Errorf("status %d, stdout %q", status, stdout.String())
	}
	if answer := get(t, instanceURL(node, "leased", "a")); answer.Status != 404 {
		t.Errorf("it is still there: %d", answer.Status)
	}
}
