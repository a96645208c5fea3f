package registry

import "slices"

// JudgeCheck says how one of an instance's checks stands, as the registry's own nodes have found by asking. They ask again
// and again, so a judgement that comes late is void: one about another registration than the one that is there, or about a
// check that has gone.
type JudgeCheck struct {
	Service, ID string
	Incarnation uint64 // [Instance.Incarnation] of the instance that was asked
	Check       string // its name

	Report    Report // must have gone through [Report.Normalize]
	Preserved bool   // see [Check.Preserved]
	Silent    bool   // what makes it unhealthy is silence alone, which may be the fault of the way between

	Cause Cause
}

// Target names the instance that the judgement is about.
func (j JudgeCheck) Target() (service, id string) { return j.Service, j.ID }

// Validate trusts the one who asked: it comes from within the registry.
func (j JudgeCheck) Validate() error { return nil }

func (j JudgeCheck) next(cur *Instance, index uint64) (*Instance, error) { //nolint:unparam // as [Operation] has it
	if cur == nil || cur.Incarnation != j.Incarnation {
		return cur, nil
	}
	n := cur.check(j.Check)
	if n < 0 {
		return cur, nil
	}
	return cur.withResult(n, j.Report, j.Preserved, index), nil
}

// withResult is the instance with another result of its nth check. That is a real change unless nothing but the output is
// another one.
func (i *Instance) withResult(n int, report Report, preserved bool, index uint64) *Instance {
	before := i.Checks[n]
	if before.Status == report.Status && before.Output == report.Output && before.Preserved == preserved {
		return i
	}
	next := *i
	next.Checks = slices.Clone(i.Checks)
	c := &next.Checks[n]
	c.Status, c.Output, c.Preserved = report.Status, report.Output, preserved
	if before.Status != c.Status || before.Preserved != c.Preserved {
		next.ModifyIndex = index
		next.Status = next.status()
	}
	return &next
}

// rule is by which rule a judgement changes the instance.
func (j JudgeCheck) rule() Rule {
	switch {
	case j.Report.Status != Unhealthy:
		return RuleCheckPassed
	case j.Silent:
		return RuleCheckSilent
	default:
		return RuleCheckFailed
	}
}
