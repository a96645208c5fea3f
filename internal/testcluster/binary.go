package testcluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Binary builds the muster program once a test process and returns its path. Where the tests run with the race detector,
// so does the program.
//
// The file goes with [RemoveBinary], which TestMain of a package that uses it calls at its end.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// binary is a value of the process, not of a package: building takes longer than most tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "muster-binary")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "muster")
	args := []string{"build", "-o", path}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.CommandContext(context.Background(), "go", append(args, "github.com/musterhq/muster/cmd/muster")...)
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build muster: %w\n%s", err, output)
	}
	return path, nil
})

// RemoveBinary removes what [Binary] built. Only when no test runs any more.
func RemoveBinary() error {
	path, err := binary()
	if err != nil {
		return nil //nolint:nilerr // what was not built need not be removed
	}
	return os.RemoveAll(filepath.Dir(path))
}
