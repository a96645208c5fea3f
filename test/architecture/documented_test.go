package architecture

import "testing"

func TestAPackageIsCaughtSayingNothingOfItself(t *testing.T) {
	files := []file{
		source(t, "good/doc.go", "// Package good says so.", "package good"),
		source(t, "good/more.go", "package good"),
		source(t, "silent/doc.go", "package silent"),
		source(t, "elsewhere/file.go", "// Package elsewhere says so, but not where one looks.", "package elsewhere"),
		source(t, "cmd/tool/main.go", "// Command tool is one.", "package main"),
		source(t, "cmd/mute/main.go", "package main"),
		source(t, "test/story/story_test.go", "// Package story tells one.", "package story"),
		source(t, "test/mute/mute_test.go", "package mute"),
	}
	const advice = " has no package comment: say in its doc.go what it owns, what it never does, and its neighbours"
	expect(t, undocumented(files),
		"cmd/mute"+advice,
		"elsewhere has its package comment elsewhere than in doc.go: move it there",
		"silent"+advice,
		"test/mute"+advice,
	)
}
