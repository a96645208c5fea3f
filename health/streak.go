package health

import (
	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

// Streak makes a judgement of the answers to one check: it takes some in a row that say the same to change it, so that a
// single answer that gets lost takes nothing out of discovery. The first answer of all counts at once, for until then
// nothing is known that it could contradict. It is for one goroutine at a time.
type Streak struct {
	rise, fall int
	judgement  registry.Status

	// The answers in a row, the last included, that were good, bad, passed and warned.
	good, bad, passed, warned int
}

// NewStreak begins with what is known of a check already: its judgement stands until rise good answers or fall bad ones in a
// row contradict it.
func NewStreak(rise, fall int, known registry.Status) Streak {
	if known == "" {
		known = registry.Unknown
	}
	return Streak{rise: max(rise, 1), fall: max(fall, 1), judgement: known}
}

// Judgement is healthy, warning or unhealthy, and unknown until the first answer.
func (s *Streak) Judgement() registry.Status { return s.judgement }

// Run is how many answers in a row, the last included, were good or were bad.
func (s *Streak) Run() int { return s.good + s.bad }

// Count takes in an answer and returns the judgement. A question that was [probe.Impossible] counts for nothing: it neither
// makes a streak longer nor breaks it.
//
// Between healthy and warning, both of which leave the instance in discovery, a judgement takes as many answers as it takes
// to become better or worse otherwise.
func (s *Streak) Count(v probe.Verdict) registry.Status {
	switch v {
	case probe.Passed:
		s.good, s.bad, s.passed, s.warned = s.good+1, 0, s.passed+1, 0
	case probe.Warned:
		s.good, s.bad, s.passed, s.warned = s.good+1, 0, 0, s.warned+1
	case probe.Failed, probe.Silent:
		s.good, s.bad, s.passed, s.warned = 0, s.bad+1, 0, 0
	default:
		return s.judgement
	}
	if s.contradicted() {
		s.judgement = statusOf(v)
	}
	return s.judgement
}

// contradicted tells whether the answers in a row are enough to judge otherwise.
func (s *Streak) contradicted() bool {
	switch s.judgement {
	case registry.Healthy:
		return s.bad >= s.fall || s.warned >= s.fall
	case registry.Warning:
		return s.bad >= s.fall || s.passed >= s.rise
	case registry.Unhealthy:
		return s.good >= s.rise
	default:
		return true
	}
}

// statusOf is what a single answer says.
func statusOf(v probe.Verdict) registry.Status {
	switch v {
	case probe.Passed:
		return registry.Healthy
	case probe.Warned:
		return registry.Warning
	default:
		return registry.Unhealthy
	}
}
