package architecture

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// A file is what the rules want to know of a Go file.
type file struct {
	path      string // from the root, with slashes
	pkg       string // the name in its package clause, without _test
	test      bool   // its name ends in _test.go
	generated bool
	nested    bool     // it belongs to a module within the repository that is not the product
	comment   bool     // it has a package comment
	imports   []string // paths
	lines     int
	endings   []ending
}

// An ending is a place where a file takes a decision that belongs to main.
type ending struct {
	line int
	what string // as it stands in the source: "func init", "os.Exit"
}

// parse reads what the rules want to know from the text of a Go file.
func parse(path string, text []byte) (file, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, path, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	f := file{
		path:      path,
		pkg:       strings.TrimSuffix(tree.Name.Name, "_test"),
		test:      strings.HasSuffix(path, "_test.go"),
		generated: ast.IsGenerated(tree),
		comment:   tree.Doc != nil,
		lines:     bytes.Count(text, []byte("\n")),
	}
	names := map[string]string{} // under which a package is known in this file
	for _, spec := range tree.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, err
		}
		f.imports = append(f.imports, imported)
		name := imported[strings.LastIndexByte(imported, '/')+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = imported
	}
	f.endings = endings(set, tree, names)
	return f, nil
}

// endings are the functions named init and the calls that end the process.
func endings(set *token.FileSet, tree *ast.File, names map[string]string) (found []ending) {
	for node := range ast.Preorder(tree) {
		what := ""
		switch n := node.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				what = "func init"
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && endsProcess(names[x.Name], n.Sel.Name) {
				what = names[x.Name] + "." + n.Sel.Name
			}
		}
		if what != "" {
			found = append(found, ending{line: set.Position(node.Pos()).Line, what: what})
		}
	}
	return found
}

func endsProcess(imported, name string) bool {
	return imported == "os" && name == "Exit" || imported == "log" && strings.HasPrefix(name, "Fatal")
}
