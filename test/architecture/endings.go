package architecture

import (
	"fmt"
	"path"
	"strings"
)

// outsideMain finds what only main may do: begin something unasked, and end the process. Whoever starts a thing has to
// be able to start two of it, and to stop it. The examples of the documentation stand for somebody's main.
func outsideMain(files []file) (offences []string) {
	for _, f := range files {
		example := f.test && strings.HasPrefix(path.Base(f.path), "example")
		if f.pkg == "main" || f.generated || example {
			continue
		}
		for _, e := range f.endings {
			offences = append(offences, fmt.Sprintf("%s:%d: %s outside package main: let the caller decide", f.path, e.line, e.what))
		}
	}
	return offences
}
