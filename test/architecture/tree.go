package architecture

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// A tree is what was read of a repository.
type tree struct {
	files []file            // the Go files
	texts map[string]string // the Go files and all others that people write, by path
}

// written are the endings of files that people write. Names without a dot (Makefile, run) count as well.
var written = []string{"", ".go", ".sh", ".md", ".mod", ".yml", ".yaml", ".json", ".proto", ".html", ".css", ".js"}

// skipped are the folders that hold what people do not write. Folders whose name begins with a dot are skipped too, but
// for .ci.
var skipped = []string{"bin", "testdata", "node_modules"}

// read reads the tree that root holds.
func read(root fs.FS) (tree, error) {
	t := tree{texts: map[string]string{}}
	var nested []string // the roots of modules within the repository
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case entry.IsDir():
			if slices.Contains(skipped, entry.Name()) || strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".ci" {
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, name+"/go.mod"); err == nil {
				nested = append(nested, name+"/")
			}
			return nil
		case !entry.Type().IsRegular() || !slices.Contains(written, path.Ext(name)):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		t.texts[name] = string(text)
		if path.Ext(name) != ".go" {
			return nil
		}
		f, err := parse(name, text)
		if err != nil {
			return err
		}
		f.nested = slices.ContainsFunc(nested, func(dir string) bool { return strings.HasPrefix(name, dir) })
		t.files = append(t.files, f)
		return nil
	})
	return t, err
}

// product are the files of the product's own module.
func (t tree) product() []file {
	return slices.DeleteFunc(slices.Clone(t.files), func(f file) bool { return f.nested })
}
