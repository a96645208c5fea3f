package architecture

import (
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// root is where the repository begins, seen from this package.
const root = "../.."

func TestTheHouseKeepsItsRules(t *testing.T) {
	house, err := read(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	offered := publicPackages(house.product())
	if len(offered) == 0 {
		t.Fatalf("no public package below %s: the house was not read", root)
	}
	rules := map[string][]string{
		"imports lead down":           offFloor(house.product(), floors),
		"public packages are light":   broughtAlong(imports(t, offered), offered, inside),
		"packages say what they are":  undocumented(house.product()),
		"files are short":             tooLong(house.files),
		"names say something":         vague(house.files),
		"only main begins and ends":   outsideMain(house.files),
		"nobody left a note to do it": notesLeft(house.texts),
		"promises name their tests":   unproven(house.texts, promisesIn),
	}
	for rule, offences := range rules {
		t.Run(rule, func(t *testing.T) {
			for _, offence := range offences {
				t.Error(offence)
			}
		})
	}
}

// publicPackages are the import paths of the public packages that exist, with all that lies below them.
func publicPackages(files []file) []string {
	found := map[string]bool{}
	for _, f := range files {
		dir := path.Dir(f.path)
		if slices.ContainsFunc(public, func(name string) bool { return within(dir, name) }) {
			found[module+"/"+dir] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// imports asks the go command what these packages and all that they need import.
func imports(t *testing.T, packages []string) map[string][]string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`)
	list.Args = append(list.Args, packages...)
	list.Dir = root
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	graph := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		graph[words[0]] = words[1:]
	}
	return graph
}
