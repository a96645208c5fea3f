package architecture

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAPromiseIsCaughtWithoutATest(t *testing.T) {
	texts := map[string]string{
		"store/save_test.go": "package store\n\nfunc TestItHolds(t *testing.T) {}\n",
		"a.md": "| promise | tests |\n| --- | --- |\n" +
			"| it holds | `store.TestItHolds` |\n" +
			"| it is moved | `store.TestItHolds` `fsm.TestItHolds` |\n" +
			"| it is said | `make` |\n" +
			"\n| what | tests |\n| --- | --- |\n| it takes | `make` |\n\nSee `TestItHolds`, and `store.Open`.\n",
	}
	want := []string{
		"a.md:4 names the test fsm.TestItHolds, which does not exist",
		"a.md:5 makes a promise that no test tries to break",
		"a.md:11 names the test TestItHolds without its folder",
		"b.md is missing: it says which test stands for which promise",
	}
	if diff := cmp.Diff(want, unproven(texts, []string{"a.md", "b.md"})); diff != "" {
		t.Error(diff)
	}
}
