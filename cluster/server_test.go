package cluster

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAServerIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Server{
			Label:  rapid.StringMatching(`[A-Za-z0-9._-]{1,20}`).Draw(t, "label"),
			RaftID: rapid.StringMatching(`[0-9A-Z]{26}`).Draw(t, "id"),
			Peer:   rapid.SampledFrom([]string{"127.0.0.1:7301", "[::1]:7301", "n1.example:0"}).Draw(t, "peer"),

			Commands: rapid.IntRange(0, 300).Draw(t, "commands"),
		}
		if validLabel(want.Label) != nil {
			t.Fatalf("%q is no label", want.Label)
		}
		if got := parseServer(want.String()); got != want {
			t.Fatalf("%s was read as %+v", want, got)
		}
	})
}

func TestAPlaceAloneIsAServerToo(t *testing.T) {
	t.Parallel()
	if got := parseServer("127.0.0.1:7301"); got != (Server{Peer: "127.0.0.1:7301"}) {
		t.Errorf("it was read as %+v", got)
	}
}

func TestALabelThatWouldConfuseAnAddressIsRefused(t *testing.T) {
	t.Parallel()
	for _, label := range []string{"", "a/b", "a@b"} {
		if err := validLabel(label); err == nil || !strings.Contains(err.Error(), "name") {
			t.Errorf("%q: %v", label, err)
		}
	}
}
