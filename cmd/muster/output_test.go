package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func TestYAMLSaysTheSameAsJSON(t *testing.T) {
	tricky := rapid.SampledFrom([]string{"true", "no", "null", "~", "0123", "1e3", "", " ", "- a", "a: b", "#", "2026-01-01", "é\n\t\u2028", "'", `"`, "{}", "&a", "*a", "!!int 3", "<<"})
	text := rapid.OneOf(tricky, rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		document := map[string]any{
			"text":   text.Draw(t, "text"),
			"list":   rapid.SliceOf(text).Draw(t, "list"),
			"map":    rapid.MapOf(text, text).Draw(t, "map"),
			"number": rapid.Uint64().Draw(t, "number"),
			"truth":  rapid.Bool().Draw(t, "truth"),
			"empty":  map[string]any{"list": []any{}, "map": map[string]any{}, "nothing": nil},
		}
		var asYAML, asJSON bytes.Buffer
		if err := encode(&asJSON, formatJSON, document); err != nil {
			t.Fatal(err)
		}
		if err := encode(&asYAML, formatYAML, document); err != nil {
			t.Fatal(err)
		}
		var want, got any
		decode(t, asJSON.Bytes(), &want)
		decodeYAML(t, asYAML.Bytes(), &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("JSON (-) and YAML (+) differ:\n%s\n%s", diff, asYAML.String())
		}
	})
}

func TestYAMLKeepsTheOrderAndNeedsNoQuotes(t *testing.T) {
	var out strings.Builder
	body := struct {
		Zulu  string   `json:"zulu"`
		Alpha []string `json:"alpha"`
		None  []string `json:"none"`
	}{"z", []string{"a", "true"}, []string{}}
	if err := encode(&out, formatYAML, body); err != nil {
		t.Fatal(err)
	}
	want := "zulu: z\nalpha:\n  - a\n  - \"true\"\nnone: []\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestVersionInEachFormat(t *testing.T) {
	for _, args := range []string{"version", "--version", "version -o json", "version -o yaml"} {
		got := runWith(t, program{}, split(args)...)
		if got.status != exitDone || !strings.Contains(got.stdout, "go1.") {
			t.Errorf("%s: exit status %d: %s", args, got.status, got.stdout)
		}
	}
	var b build
	if err := json.Unmarshal([]byte(runWith(t, program{}, "version", "-o", "json").stdout), &b); err != nil || b != thisBuild() {
		t.Errorf("%+v, %v", b, err)
	}
}

func decode(t *rapid.T, text []byte, v any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// decodeYAML reads YAML as [decode] reads JSON: by way of JSON, which keeps large numbers whole.
func decodeYAML(t *rapid.T, text []byte, v any) {
	t.Helper()
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	asJSON, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	decode(t, asJSON, v)
}
