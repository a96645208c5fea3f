package architecture

import (
	"testing"
	"testing/fstest"
)

func TestTheTreeIsReadWithoutWhatNobodyWrites(t *testing.T) {
	root := fstest.MapFS{
		"go.mod":               {Data: []byte("module m")},
		"Makefile":             {Data: []byte("all:")},
		".ci/run":              {Data: []byte("#!/bin/sh")},
		".git/HEAD":            {Data: []byte("ref")},
		"room/room.go":         {Data: []byte("// Package room is one.\npackage room\n\nimport \"os\"\n")},
		"room/room_test.go":    {Data: []byte("package room_test\n")},
		"room/testdata/bad.go": {Data: []byte("not Go")},
		"bench/go.mod":         {Data: []byte("module b")},
		"bench/deep/deep.go":   {Data: []byte("package deep\n")},
		"bin/muster":           {Data: []byte("\x7fELF")},
		"picture.png":          {Data: []byte("PNG")},
	}
	got, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []file{
		{path: "bench/deep/deep.go", pkg: "deep", nested: true, lines: 1},
		{path: "room/room.go", pkg: "room", comment: true, imports: []string{"os"}, lines: 4},
		{path: "room/room_test.go", pkg: "room", test: true, lines: 1},
	}
	expectSame(t, got.files, want)
	expectSame(t, got.product(), want[1:])
	if len(got.texts) != 7 {
		t.Errorf("read %d texts, want 7: %v", len(got.texts), got.texts)
	}
}
