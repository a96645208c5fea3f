package architecture

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// source is a Go file with these lines.
func source(t *testing.T, path string, lines ...string) file {
	t.Helper()
	f, err := parse(path, []byte(strings.Join(lines, "\n")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// expect compares the offences that a rule found.
func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	expectSame(t, got, want)
}

func expectSame[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(file{}, ending{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
