package testcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Binary builds the muster program once a test process and returns its path. Where the tests run with the race detector, so
// does the program.
//
// The file goes with [RemoveBinary], which TestMain of a package that uses it calls at its end.
func Binary(t testing.TB) string {
	t.Helper()
	return changedBinary(t, "")
}

// changedBinary builds a variant of the program, with an overlay of package overlay.
func changedBinary(t testing.TB, overlay string) string {
	t.Helper()
	path, err := built.build(overlay)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// RemoveBinary removes what [Binary] built. Only when no test runs any more.
func RemoveBinary() error {
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir == "" {
		return nil
	}
	return os.RemoveAll(built.dir)
}

// built is a value of the process, not of a package: building takes longer than most tests.
var built programs

// programs are the variants of the program.
type programs struct {
	mu    sync.Mutex
	dir   string // empty until something is built
	paths map[string]string
	errs  map[string]error
}

func (p *programs) build(overlay string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if path, ok := p.paths[overlay]; ok {
		return path, p.errs[overlay]
	}
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "muster-binary")
		if err != nil {
			return "", err
		}
		p.dir, p.paths, p.errs = dir, map[string]string{}, map[string]error{}
	}
	dir := filepath.Join(p.dir, fmt.Sprint(len(p.paths)))
	p.paths[overlay] = filepath.Join(dir, "muster")
	p.errs[overlay] = errors.Join(os.Mkdir(dir, 0o700), compile(p.paths[overlay], overlay))
	return p.paths[overlay], p.errs[overlay]
}

func compile(path, overlay string) error {
	args := []string{"build", "-o", path}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if raceEnabled {
		args = append(args, "-race")
	}
	build := exec.CommandContext(context.Background(), "go", append(args, "github.com/musterhq/muster/cmd/muster")...)
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build muster: %w\n%s", err, output)
	}
	return nil
}
