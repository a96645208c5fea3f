package architecture

import "testing"

func TestANoteToOneselfIsCaught(t *testing.T) {
	texts := map[string]string{
		"a.go":      "package a\n\n// TO" + "DO(me): the rest\n",
		"b/run":     "mktemp /tmp/run.X" + "XXXXX\n# FIX" + "ME\n",
		"c.md":      "Nothing to do here.\n",
		"d/d.proto": "// X" + "XX why?",
	}
	expect(t, notesLeft(texts),
		"a.go:3: TO"+"DO: do it now, or file an issue",
		"b/run:2: FIX"+"ME: do it now, or file an issue",
		"d/d.proto:1: X"+"XX: do it now, or file an issue",
	)
}
