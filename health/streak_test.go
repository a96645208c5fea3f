package health_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

func TestAStreakTurnsWithTheFirstAnswerAndThenWithSeveralInARow(t *testing.T) {
	const (
		p, w, f, s, x = probe.Passed, probe.Warned, probe.Failed, probe.Silent, probe.Impossible
		ok, bad       = registry.Healthy, registry.Unhealthy
		warn, none    = registry.Warning, registry.Unknown
	)
	for name, c := range map[string]struct {
		known   registry.Status
		answers []probe.Verdict
		want    []registry.Status
	}{
		"the first answer counts at once":       {none, []probe.Verdict{x, f, p, p}, []registry.Status{none, bad, bad, ok}},
		"nothing reported is nothing known":     {"", []probe.Verdict{w}, []registry.Status{warn}},
		"three bad ones of any kind":            {ok, []probe.Verdict{f, s, f, p, p}, []registry.Status{ok, ok, bad, bad, ok}},
		"a good one begins the count anew":      {ok, []probe.Verdict{f, f, p, f, f, f}, []registry.Status{ok, ok, ok, ok, ok, bad}},
		"what was impossible is no answer":      {ok, []probe.Verdict{f, x, f, x, f}, []registry.Status{ok, ok, ok, ok, bad}},
		"warnings are good":                     {bad, []probe.Verdict{p, w}, []registry.Status{bad, warn}},
		"a single warning is none":              {ok, []probe.Verdict{w, p, w, w, w, p, p}, []registry.Status{ok, ok, ok, ok, warn, warn, ok}},
		"a warning does not hide that it fails": {warn, []probe.Verdict{f, f, f}, []registry.Status{warn, warn, bad}},
	} {
		streak := health.NewStreak(2, 3, c.known)
		for n, answer := range c.answers {
			if got := streak.Count(answer); got != c.want[n] {
				t.Errorf("%s: after %v it is %s, want %s", name, c.answers[:n+1], got, c.want[n])
			}
		}
	}
}

// A judgement is always that of a streak long enough: looking back over all answers finds it.
func TestAJudgementIsWhatTheAnswersInARowSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rise, fall := rapid.IntRange(1, 4).Draw(t, "rise"), rapid.IntRange(1, 4).Draw(t, "fall")
		streak := health.NewStreak(rise, fall, rapid.SampledFrom([]registry.Status{"", registry.Healthy, registry.Unhealthy}).Draw(t, "known"))
		var counted []probe.Verdict
		for _, v := range rapid.SliceOf(rapid.Custom(func(t *rapid.T) probe.Verdict {
			return probe.Verdict(rapid.IntRange(int(probe.Impossible), int(probe.Silent)).Draw(t, "verdict"))
		})).Draw(t, "answers") {
			before := streak.Judgement()
			after := streak.Count(v)
			if v != probe.Impossible {
				counted = append(counted, v)
			}
			good, bad := tail(counted, probe.Verdict.Good), tail(counted, probe.Verdict.Bad)
			if streak.Run() != good+bad {
				t.Fatalf("the run is %d, not %d", streak.Run(), good+bad)
			}
			out, in := after == registry.Unhealthy, after == registry.Healthy || after == registry.Warning
			switch {
			case before == registry.Unknown:
				if (len(counted) > 0) != (out || in) {
					t.Fatalf("the first of %v makes it %s", counted, after)
				}
			case before == registry.Unhealthy:
				if in != (good >= rise) {
					t.Fatalf("%d good ones of %d make it %s", good, rise, after)
				}
			default:
				if out != (bad >= fall) {
					t.Fatalf("%d bad ones of %d make it %s", bad, fall, after)
				}
			}
		}
	})
}

// tail counts the verdicts at the end that are of a kind.
func tail(of []probe.Verdict, kind func(probe.Verdict) bool) (n int) {
	for n < len(of) && kind(of[len(of)-1-n]) {
		n++
	}
	return n
}
