package architecture

import (
	"fmt"
	"maps"
	"path"
	"slices"
)

// undocumented finds the packages that don't say in a file doc.go what they are. A main package and a package of tests
// may say it in any file.
func undocumented(files []file) (offences []string) {
	anywhere, inDoc := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		dir := path.Dir(f.path)
		anywhere[dir] = anywhere[dir] || f.comment
		own := path.Base(f.path) == "doc.go" || f.pkg == "main" || within(dir, "test")
		inDoc[dir] = inDoc[dir] || f.comment && own
	}
	for _, dir := range slices.Sorted(maps.Keys(anywhere)) {
		switch {
		case inDoc[dir]:
		case anywhere[dir]:
			offences = append(offences, fmt.Sprintf("%s has its package comment elsewhere than in doc.go: move it there", dir))
		default:
			offences = append(offences, fmt.Sprintf("%s has no package comment: say in its doc.go what it owns, what it never does, and its neighbours", dir))
		}
	}
	return offences
}
