package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/musterhq/muster/registry"
)

func TestAMissingFileIsCreatedForItsOwnerAlone(t *testing.T) {
	path := newPath(t)
	c := opened(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, want 0600", info.Mode())
	}
	wantImage(t, loaded(t, c), Image{State: registry.NewState()})
}

func TestAnEmptyFileIsAsGoodAsNone(t *testing.T) {
	path := newPath(t)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	wantImage(t, loaded(t, opened(t, path)), Image{State: registry.NewState()})
}

func TestTheSecondOpenerIsTurnedAway(t *testing.T) {
	path := newPath(t)
	first, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(path)
	wantLine(t, err, ErrInUse, path, "in use by another process")

	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	opened(t, path)
}

func TestWhatIsNoCheckpointIsRefused(t *testing.T) {
	path := newPath(t)
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path)
	wantLine(t, err, ErrCorrupt, path, "the meta page at byte 0 is damaged")
}

func TestAPathThatCannotBeOpenedIsNamed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, path, want string }{
		{"the directory is missing", filepath.Join(dir, "missing", "checkpoint.db"), "no such file or directory"},
		{"the directory is a file", filepath.Join(file, "checkpoint.db"), "not a directory"},
		{"the file is a directory", dir, "is a directory"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Open(test.path)
			wantLine(t, err, nil, test.path, test.want)
		})
	}
}

func TestWithoutPermissionTheErrorNamesTheUser(t *testing.T) {
	for _, test := range []struct {
		name      string
		dir, file os.FileMode
	}{
		{"an unreadable directory", 0o000, 0o600},
		{"an unreadable file", 0o755, 0o000},
		{"a read-only file", 0o755, 0o444},
		{"a directory that can't be listed", 0o111, 0o666},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "checkpoint") // t.TempDir is closed to others
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			path := filepath.Join(dir, "checkpoint.db")
			if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, test.file), os.Chmod(dir, test.dir)); err != nil {
				t.Fatal(err)
			}
			unprivileged(t, func() { _, err = Open(path) })
			wantLine(t, err, fs.ErrPermission, dir, "muster runs as user")
		})
	}
}

func TestWhatWasNotLoadedIsNotSaved(t *testing.T) {
	path := newPath(t)
	c := opened(t, path)
	wantLine(t, c.Save(imageOf(populated(1))), nil, path, "it was not loaded")
}

func TestAnImageWithTheWrongIndexIsNotSaved(t *testing.T) {
	path := newPath(t)
	c := opened(t, path)
	loaded(t, c)
	image := imageOf(populated(7))
	image.Index++
	wantLine(t, c.Save(image), nil, path, "the image has index 8 and its state 7")
}

func TestCloseTwiceIsNoError(t *testing.T) {
	c := opened(t, newPath(t))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// wantLine wants an error of a kind, in one line, that names the path and says what is wrong.
func wantLine(t *testing.T, err, kind error, path, text string) {
	t.Helper()
	switch {
	case err == nil:
		t.Error("no error")
	case kind != nil && !errors.Is(err, kind):
		t.Errorf("error %q, want one that is %q", err, kind)
	case !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n"):
		t.Errorf("error %q, want one line with %q and %q", err, path, text)
	}
}
