package checks

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
)

// The tests run in a network of their own. Where the machine does not give them one, those that need it say so and are
// skipped. A process of targets is this program, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == beTargets {
		fmt.Fprintln(os.Stderr, serveTargets(os.Stdout, os.Args[2:]))
		return
	}
	if err := testcluster.EnterNamespace(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	m.Run() // its status is the process's when TestMain returns
	if err := testcluster.RemoveBinary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// requireNetwork skips the test where it has no network of its own.
func requireNetwork(t *testing.T) {
	t.Helper()
	if !testcluster.InNamespace() {
		t.Skip("NOT RUN: this machine gives tests no network of their own")
	}
}

// length is how long a state of things is looked at: a few seconds, unless MUSTER_CHECKS_SECONDS says otherwise.
func length(t *testing.T) time.Duration {
	t.Helper()
	return time.Duration(dice.Number(t, "MUSTER_CHECKS_SECONDS", 8)) * time.Second
}
