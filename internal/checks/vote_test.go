package checks

import (
	"testing"

	"github.com/musterhq/muster/health/probe"
)

func TestWhoseWordCounts(t *testing.T) {
	silent := vote{Verdict: probe.Silent}
	doubtful := vote{Verdict: probe.Silent, Doubts: true}
	reaches := vote{Verdict: probe.Passed}
	reachesDoubting := vote{Verdict: probe.Warned, Doubts: true}
	isRefused := vote{Verdict: probe.Failed, Doubts: true}
	none := vote{Verdict: probe.Impossible}
	for name, c := range map[string]struct {
		own    vote
		others []vote
		alone  bool
		want   outcome
	}{
		"all hear nothing":                                {silent, []vote{silent, silent}, false, unreached},
		"one is cut off, and does not know":               {silent, []vote{reaches, reaches}, false, partly},
		"one is cut off, and doubts itself":               {doubtful, []vote{reaches, reaches}, false, reached},
		"two hear nothing, one does":                      {silent, []vote{silent, reaches}, false, partly},
		"two doubt themselves, one hears it":              {doubtful, []vote{doubtful, reaches}, false, reached},
		"who hears something has heard it, in doubt too":  {doubtful, []vote{reachesDoubting, none}, false, reached},
		"a black hole for all, of whom one does not know": {doubtful, []vote{silent, doubtful}, false, unreached},
		"a black hole for all, who all doubt":             {doubtful, []vote{doubtful, doubtful}, false, unreached},
		"two of two doubt":                                {doubtful, []vote{doubtful}, false, unreached},
		"it doubts, and nobody can say":                   {doubtful, []vote{none, none}, false, undecided},
		"it doubts, and nobody was reached":               {doubtful, nil, false, undecided},
		"nobody else can say":                             {silent, []vote{none, none}, false, unreached},
		"a node on its own":                               {silent, nil, true, unreached},
		"a node on its own that doubts itself":            {doubtful, nil, true, unreached},
		"others are refused":                              {doubtful, []vote{isRefused, isRefused}, false, unreached},
		"one is refused, one hears it":                    {doubtful, []vote{isRefused, reaches}, false, partly},
		"who could not ask has no vote":                   {none, []vote{none}, false, undecided},
	} {
		if got := tally(c.own, c.others, c.alone); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
