package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is where the repository begins, seen from this package.
const root = "../.."

// change replaces a text in a file of the product.
type change struct {
	file, old, new string
}

// apply makes the change, where there is exactly one place for it.
func (c change) apply(source string) (string, error) {
	if n := strings.Count(source, c.old); n != 1 {
		return "", fmt.Errorf("%s has %d times what the mutant replaces, instead of once:\n%s\nfit the mutant to what the source is now", c.file, n, c.old)
	}
	return strings.Replace(source, c.old, c.new, 1), nil
}

// mutated are the files that the mutant changes, as they are then, by their names.
func (m mutant) mutated() (map[string]string, error) {
	files := map[string]string{}
	for _, c := range m.changes {
		source, ok := files[c.file]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, c.file))
			if err != nil {
				return nil, err
			}
			source = string(b)
		}
		var err error
		if files[c.file], err = c.apply(source); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// overlay writes what go build's -overlay reads, and returns its path.
func (m mutant) overlay(t *testing.T) string {
	t.Helper()
	files, err := m.mutated()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for name, source := range files {
		from, err := filepath.Abs(filepath.Join(root, name))
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
