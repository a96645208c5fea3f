package api

import (
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAShellReadsAQuotedWordAsItWasMeant(t *testing.T) {
	text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("'\"\\$`!*?~ \t\n#&;|<>(){}[]-=%")), rapid.Rune()))
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(text, 1, 20).Draw(t, "words")
		var script strings.Builder
		script.WriteString("printf '%s\\0'")
		for i, w := range words {
			words[i] = strings.ReplaceAll(w, "\x00", "") // no argument can hold it
			script.WriteString(" " + quote(words[i]))
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", script.String()).Output()
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Join(words, "\x00") + "\x00"; string(out) != want {
			t.Fatalf("the shell read %q, want %q", out, want)
		}
	})
}
