package architecture

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// sayNothing are the names that could stand on any package, so that anything could be put into it.
var sayNothing = []string{"util", "utils", "common", "helper", "helpers", "manager", "misc"}

// vague finds the packages and folders that are named so.
func vague(files []file) (offences []string) {
	for _, f := range files {
		dir := path.Dir(f.path)
		for _, name := range append(strings.Split(dir, "/"), f.pkg) {
			if slices.Contains(sayNothing, name) {
				offences = append(offences, fmt.Sprintf("%s: %q says nothing: name what the package owns", dir, name))
			}
		}
	}
	slices.Sort(offences)
	return slices.Compact(offences)
}
