package architecture

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// promisesIn are the documents that name tests as proof.
var promisesIn = []string{"docs/guarantees.md", "docs/testing.md"}

var (
	// quoted finds what a document sets in the type of code, on one line.
	quoted = regexp.MustCompile("`([^`\n]+)`")

	// named takes a test's name apart: its folder, and the function.
	named = regexp.MustCompile(`^([a-z0-9_/]+)\.((?:Test|Fuzz|Benchmark)\w+)$`)

	// nameless finds a test of which the folder is missing.
	nameless = regexp.MustCompile(`^(?:Test|Fuzz|Benchmark)[A-Z]\w+$`)

	// declared finds the tests in a file.
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
)

// unproven finds, in the documents, tests that do not exist, and promises beside which there is none.
func unproven(texts map[string]string, documents []string) (offences []string) {
	tests := map[string]bool{}
	for name, text := range texts {
		if !strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, found := range declared.FindAllStringSubmatch(text, -1) {
			tests[path.Dir(name)+"."+found[1]] = true
		}
	}
	for _, document := range documents {
		text, ok := texts[document]
		if !ok {
			offences = append(offences, document+" is missing: it says which test stands for which promise")
		}
		promises := false // whether the table at hand is one of promises
		number := 0
		for line := range strings.Lines(text) {
			number++
			switch {
			case strings.HasPrefix(line, "| promise |"):
				promises = true
				continue
			case !strings.HasPrefix(line, "|"):
				promises = false
			}
			proofs := 0
			for _, code := range quoted.FindAllStringSubmatch(line, -1) {
				switch {
				case tests[code[1]]:
					proofs++
				case named.MatchString(code[1]):
					offences = append(offences, fmt.Sprintf("%s:%d names the test %s, which does not exist", document, number, code[1]))
				case nameless.MatchString(code[1]):
					offences = append(offences, fmt.Sprintf("%s:%d names the test %s without its folder", document, number, code[1]))
				}
			}
			if promises && proofs == 0 && !strings.HasPrefix(line, "| ---") {
				offences = append(offences, fmt.Sprintf("%s:%d makes a promise that no test tries to break", document, number))
			}
		}
	}
	return offences
}
