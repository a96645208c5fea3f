package architecture

import "fmt"

// longest is how many lines a file may have. Most are far shorter: one that comes near holds more than one idea.
const longest = 400

// tooLong finds the files beyond that. What a generator wrote nobody reads.
func tooLong(files []file) (offences []string) {
	for _, f := range files {
		if f.lines > longest && !f.generated {
			offences = append(offences, fmt.Sprintf("%s has %d lines, more than %d: find the second idea in it", f.path, f.lines, longest))
		}
	}
	return offences
}
