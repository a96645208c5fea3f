package architecture

import "testing"

func TestAPackageIsCaughtWithANameThatSaysNothing(t *testing.T) {
	files := []file{
		source(t, "registry/utility.go", "package registry"),
		source(t, "internal/util/strings.go", "package util"),
		source(t, "internal/util/slices.go", "package util"),
		source(t, "common/text/text.go", "package text"),
		source(t, "text/text_test.go", "package helpers_test"),
	}
	expect(t, vague(files),
		`common/text: "common" says nothing: name what the package owns`,
		`internal/util: "util" says nothing: name what the package owns`,
		`text: "helpers" says nothing: name what the package owns`,
	)
}
