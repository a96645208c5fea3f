package overlay

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Change replaces a text in a file of the product, or of Go's standard library. An empty Old adds a file that is not there.
type Change struct {
	File     string // seen from the root of the module, or with its whole path
	Old, New string
}

// Apply makes the change in a source, where there is exactly one place for it.
func (c Change) Apply(source string) (string, error) {
	if n := strings.Count(source, c.Old); n != 1 {
		return "", fmt.Errorf("%s has %d times what is to be replaced, instead of once:\n%s\nfit the change to what the source is now", c.File, n, c.Old)
	}
	return strings.Replace(source, c.Old, c.New, 1), nil
}

// Changed are the files that the changes are about, as they are then, by their names. root is the module's.
func Changed(root string, changes []Change) (map[string]string, error) {
	files := map[string]string{}
	for _, c := range changes {
		path := place(root, c.File)
		if c.Old == "" {
			if _, err := os.Stat(path); err == nil {
				return nil, fmt.Errorf("%s is to be added, and is there", c.File)
			}
			files[c.File] = c.New
			continue
		}
		source, ok := files[c.File]
		if !ok {
			b, err := os.ReadFile(path) //nolint:gosec // a file of this repository
			if err != nil {
				return nil, err
			}
			source = string(b)
		}
		var err error
		if files[c.File], err = c.Apply(source); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// place is where a file of a [Change] is.
func place(root, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(root, file)
}

// Write writes what go build's -overlay reads, and returns its path. It goes with the test.
func Write(t testing.TB, root string, changes []Change) string {
	t.Helper()
	files, err := Changed(root, changes)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for name, source := range files {
		from, err := filepath.Abs(place(root, name))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		if err := os.WriteFile(to, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[from] = to
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
