package wire

import (
	"net/url"
	"strings"
	"testing"
)

func TestASlashInANameIsNoStepOfThePath(t *testing.T) {
	path := PathMaintenance("team/payments", "10.0.0.7:8080")
	if want := "/v1/services/team%2Fpayments/instances/10.0.0.7:8080/maintenance"; path != want {
		t.Errorf("got %s, want %s", path, want)
	}
}

func TestNoNameEscapesFromItsPath(t *testing.T) {
	for _, name := range []string{"a/b", "a?b", "a#b", "a%2Fb", "a b", "ä", ".."} {
		path := PathHealth(name, name)
		u, err := url.Parse("http://node" + path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q left its path: %s", name, path)
		}
		steps := strings.Split(u.EscapedPath(), "/")
		if len(steps) != 7 {
			t.Fatalf("%q makes %d steps of %s", name, len(steps), path)
		}
		if got, err := url.PathUnescape(steps[3]); err != nil || got != name {
			t.Errorf("%q arrives as %q (%v)", name, got, err)
		}
	}
}

func TestIfMatchIsAQuotedIndex(t *testing.T) {
	if got := IfMatch(42); got != `"42"` {
		t.Errorf("got %s", got)
	}
}
