package architecture

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// note is a note to oneself; put together here so that this file has none.
var note = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)

// notesLeft finds the notes to oneself: work that is known to be missing is an issue, and the code says what is so.
func notesLeft(texts map[string]string) (offences []string) {
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		line := 0
		for text := range strings.Lines(texts[name]) {
			line++
			if found := note.FindString(text); found != "" {
				offences = append(offences, fmt.Sprintf("%s:%d: %s: do it now, or file an issue", name, line, found))
			}
		}
	}
	return offences
}
