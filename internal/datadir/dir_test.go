package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestADirectoryIsMadeForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "var", "muster")
	d := opened(t, path)
	if mode, exposed, err := d.Exposed(); mode != 0o700 || exposed || err != nil {
		t.Errorf("it has mode %v, exposed: %v, %v", mode, exposed, err)
	}
	if err := os.Chmod(path, 0o750); err != nil {
		t.Fatal(err)
	}
	if mode, exposed, err := d.Exposed(); mode != 0o750 || !exposed || err != nil {
		t.Errorf("open to its group it has mode %v, exposed: %v, %v", mode, exposed, err)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := t.TempDir()
	first := opened(t, path)
	_, err := Open(path)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("the second one gets %q, which should name the directory and the process that holds it", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is not one line", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	opened(t, path)
}

func TestADirectoryThatCannotBeUsedIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("the error is %v", err)
	}
	taken := t.TempDir()
	if err := os.Mkdir(filepath.Join(taken, lockName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(taken); err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("the error is %v", err)
	}
}

func TestWhatIsPutAsideKeepsItsContentAndItsName(t *testing.T) {
	dir := t.TempDir()
	nested := filepath.Join(dir, "raft", "snapshots", "2-17")
	if err := os.MkdirAll(nested, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second one does not overwrite the first
		file := filepath.Join(dir, "state.db")
		if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
		to, err := SetAside(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		if content, err := os.ReadFile(to); string(content) != "content" || !strings.HasPrefix(filepath.Base(to), "state.db-") {
			t.Errorf("it lies at %s and holds %q, %v", to, content, err)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("where it was: %v", err)
		}
	}
	if _, err := SetAside(dir, nested); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, quarantineName))
	if err != nil || len(entries) != 3 {
		t.Errorf("the quarantine holds %v, %v", entries, err)
	}
	if _, err := SetAside(dir, nested); err == nil {
		t.Error("what is not there can be put aside")
	}
}

func opened(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}
