package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// step is a line of the README that a reader would type, and what the README says comes of it.
type step struct{ command, output string }

// readmeSteps are the lines with a prompt in the blocks marked as console, in order.
func readmeSteps(t *testing.T) []step {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{command: strings.TrimSpace(command)})
			} else {
				steps[len(steps)-1].output += line
			}
		}
	}
	return steps
}

// The README is run as its reader would run it: the cluster by its script, the lines in one shell.
func TestTheReadmeDoesWhatItSays(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "jq", "awk"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the README's lines need %s: %v", tool, err)
		}
	}
	steps := readmeSteps(t)
	if len(steps) < 10 {
		t.Fatalf("only %d lines with a prompt were found", len(steps))
	}
	dir, ports := startClusterScript(t)

	var script strings.Builder
	for i, s := range steps {
		command := s.command
		for usual, port := range ports {
			command = strings.ReplaceAll(command, usual, port)
		}
		command = strings.ReplaceAll(command, "/tmp/muster", dir)
		fmt.Fprintf(&script, "echo '@@@ %d'\n%s\n", i, command)
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	shell.Env = append(os.Environ(), "PATH="+filepath.Dir(testcluster.Binary(t))+":"+os.Getenv("PATH"))
	output, err := shell.CombinedOutput()
	if err != nil {
		t.Errorf("the shell ended with %v", err)
	}
	got := strings.Split(string(output), "@@@ ")[1:]
	for i, s := range steps {
		_, said, _ := strings.Cut(got[i], "\n")
		if likeness(said) != likeness(s.output) {
			t.Errorf("%s\nprints\n%s\nand the README says\n%s", s.command, said, s.output)
		}
	}
}

// likeness takes out what differs from run to run: the indexes of the log, and how wide a table is.
func likeness(text string) string {
	text = regexp.MustCompile(`("\w*index"|"incarnation"):\d+`).ReplaceAllString(text, "$1:N")
	return strings.Join(strings.Fields(text), " ")
}

// startClusterScript runs scripts/cluster.sh on free ports, and returns its directory and which port stands for which.
func startClusterScript(t *testing.T) (dir string, ports map[string]string) {
	t.Helper()
	dir = t.TempDir()
	first := testcluster.FreePorts(t, 0, 1, 2, 10, 11, 12, 20, 21, 22) // those that the script derives from the first
	ports = map[string]string{"7300": strconv.Itoa(first), "7310": strconv.Itoa(first + 10), "7320": strconv.Itoa(first + 20)}

	script := exec.CommandContext(context.Background(), "../../scripts/cluster.sh", dir)
	script.Env = append(os.Environ(), "MUSTER="+testcluster.Binary(t), "MUSTER_PORT="+strconv.Itoa(first))
	script.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = script.Process.Signal(syscall.SIGTERM)
		_ = script.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, port := range ports {
		err := testcluster.Poll(ctx, func(ctx context.Context) error {
			answer, err := testcluster.Get(ctx, "http://127.0.0.1:"+port+"/readyz")
			if err == nil && answer.Status != 200 {
				err = fmt.Errorf("%s", answer.Body)
			}
			return err
		})
		if err != nil {
			t.Fatalf("the cluster of the script does not get ready: %v", err)
		}
	}
	return dir, ports
}
