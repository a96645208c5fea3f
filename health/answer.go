package health

import (
	"cmp"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

// Answer is what came of asking an instance once, and what that makes of the check.
type Answer struct {
	Instance *registry.Instance // as the state has it
	Target   probe.Target
	Result   probe.Result

	// Judgement is what the answers in a row say: unknown until one counts.
	Judgement registry.Status

	// Run is how many answers in a row, this one included, were good or were bad.
	Run int

	// Shown is how the state has the check; unknown where nobody has reported it. Preserved tells whether that is so against
	// what the answers said.
	Shown     registry.Status
	Preserved bool
}

// Differs tells whether the state shows something else than the judgement. It is true with every answer until the state has
// changed: whoever acts on it and fails is reminded.
func (a Answer) Differs() bool {
	return a.Judgement != registry.Unknown && (a.Judgement != a.Shown || a.Preserved)
}

// show takes how the state has the check.
func (a *Answer) show() {
	shown := checkOf(a.Instance, a.Target.Check.Name)
	a.Shown, a.Preserved = shown.Status, shown.Preserved
}

// checkOf finds how the state has a check. The one without a name stands for the instance itself, of which nobody may have
// said anything.
func checkOf(i *registry.Instance, name string) registry.Check {
	if name == "" {
		return registry.Check{Status: cmp.Or(i.Reported.Status, registry.Unknown), Output: i.Reported.Output}
	}
	for _, c := range i.Checks {
		if c.Name == name {
			c.Status = cmp.Or(c.Status, registry.Unknown)
			return c
		}
	}
	return registry.Check{Status: registry.Unknown}
}
