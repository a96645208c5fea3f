package policies

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/musterhq/muster/lb"
)

// selection is which strategies run in which scenarios, such as "changes: adaptive, p2c; fails: adaptive": of the scenarios
// with that word in their names, those strategies. Where no strategy is named it is all; the empty selection is everything.
type selection string

// selected is what MUSTER_POLICIES_ONLY says. What it would leave nothing of fails the test: it was written wrong.
func selected(t *testing.T) selection {
	t.Helper()
	only := selection(os.Getenv("MUSTER_POLICIES_ONLY"))
	for part := range strings.SplitSeq(string(only), ";") {
		word, names, _ := strings.Cut(part, ":")
		if len(scenariosWith(word)) == 0 {
			t.Fatalf("MUSTER_POLICIES_ONLY: no scenario has %q in its name: there are %q", strings.TrimSpace(word), scenarios)
		}
		for _, name := range listed(names) {
			if !slices.Contains(lb.Strategies(), name) {
				t.Fatalf("MUSTER_POLICIES_ONLY: %q is no strategy: there are %q", name, lb.Strategies())
			}
		}
	}
	return only
}

// strategies are those that run in a scenario.
func (only selection) strategies(s scenario) (chosen []string) {
	for part := range strings.SplitSeq(string(only), ";") {
		word, names, _ := strings.Cut(part, ":")
		if !slices.Contains(scenariosWith(word), s) {
			continue
		}
		if chosen = append(chosen, listed(names)...); len(listed(names)) == 0 {
			return lb.Strategies()
		}
	}
	return chosen
}

func scenariosWith(word string) (with []scenario) {
	for _, s := range scenarios {
		if strings.Contains(string(s), strings.TrimSpace(word)) {
			with = append(with, s)
		}
	}
	return with
}

// listed are the names of a list that commas divide.
func listed(names string) []string {
	return strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
}

func TestASelectionNamesScenariosAndTheirStrategies(t *testing.T) {
	for _, c := range []struct {
		only     selection
		scenario scenario
		want     []string
	}{
		{"", oneFails, lb.Strategies()},
		{"changes", changinglySlow, lb.Strategies()},
		{"changes", someSlow, nil},
		{"changes: adaptive, p2c", changinglySlow, []string{"adaptive", "p2c"}},
		{"changes: adaptive, p2c; fails: adaptive", oneFails, []string{"adaptive"}},
		{"fails: adaptive; fails: p2c", oneFails, []string{"adaptive", "p2c"}},
		{"slower: p2c", someSlow, []string{"p2c"}},
		{": adaptive", oneFails, []string{"adaptive"}},
	} {
		if got := c.only.strategies(c.scenario); !slices.Equal(got, c.want) {
			t.Errorf("%q has %q run where %s, want %q", c.only, got, c.scenario, c.want)
		}
	}
}
