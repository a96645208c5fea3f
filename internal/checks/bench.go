package checks

import (
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/registry"
)

// bench is what a leader judges findings by, in one term. It writes nothing: it says what ought to be decided. It is for one
// goroutine.
type bench struct {
	past   Past
	budget *budget
	told   map[key]time.Time // of damped checks: until when, as their output says
	falls  falls
}

// ruling is what follows from some findings.
type ruling struct {
	operations []registry.Operation // each about another instance
	later      []Finding            // to be judged once the operations are decided
	damped     int

	spent   []spending
	fallen  []fallen      // hidden ones
	members map[place]int // registered instances
}

// spending is an instance that silence takes out.
type spending struct {
	place
	id string
}

func newBench(past Past) *bench {
	return &bench{past: past, budget: newBudget(), told: map[key]time.Time{}}
}

// rule judges findings by the state.
func (b *bench) rule(state *registry.State, now time.Time, findings []Finding) ruling {
	r := ruling{members: map[place]int{}}
	taken := map[place]bool{} // a service and an id here: one operation an instance
	for n := range findings {
		f := &findings[n]
		i, c := current(state, f.Service, f.ID, f.Incarnation, f.Check)
		if i == nil || !differs(c, f) {
			continue
		}
		if instance := (place{f.Service, f.ID}); taken[instance] || len(r.operations) == maxOperations {
			r.later = append(r.later, *f)
			continue
		} else if op, ok := b.judge(&r, state, now, i, c, f); ok {
			taken[instance] = true
			r.operations = append(r.operations, op)
		}
	}
	return r
}

// judge makes of a finding what is to be decided, if anything.
func (b *bench) judge(r *ruling, state *registry.State, now time.Time, i *registry.Instance, c *registry.Check, f *Finding) (registry.JudgeCheck, bool) {
	op := registry.JudgeCheck{
		Service: f.Service, ID: f.ID, Incarnation: f.Incarnation, Check: f.Check,
		Report: registry.Report{Status: f.Status, Output: f.Output}.Normalize(),
		Silent: f.Silent, Cause: registry.Cause{Evidence: f.Evidence, SeenBy: f.SeenBy},
	}
	switch {
	case f.Status == registry.Unhealthy && f.Silent && registry.ConditionOf(i) == registry.ConditionHealthy:
		if why := b.brake(r, state, now, i); why != "" {
			op.Report = registry.Report{Status: registry.Warning, Output: f.Output + "; " + why}.Normalize()
			op.Silent, op.Preserved = false, true
			return op, !c.Preserved
		}
	case f.Status != registry.Unhealthy && f.Status != registry.Unknown && c.Status == registry.Unhealthy:
		hold := held(b.past.History(i.Service, i.ID, state.Index()))
		if hidden(i, c.Name) {
			hold = max(hold, b.falls.hold(f.fallen()))
		}
		if f.Well < hold {
			r.damped++
			op.Report = registry.Report{Status: registry.Unhealthy, Output: notice(hold, now.Add(hold-f.Well))}
			return op, b.tell(now, now.Add(hold-f.Well), c, f)
		}
		delete(b.told, f.key())
	case f.Status == registry.Unhealthy && hidden(i, c.Name):
		b.falls.note(f.fallen(), now)
		r.fallen = append(r.fallen, f.fallen())
	}
	return op, true
}

// brake says why an instance must not be taken out on silence, and notes it as taken out where there is nothing to say.
func (b *bench) brake(r *ruling, state *registry.State, now time.Time, i *registry.Instance) string {
	service, at := state.Service(i.Service), place{i.Service, i.Zone}
	b.budget.recall(service, b.past, state.Index(), now)
	registered, counted := r.members[at]
	if !counted {
		registered = registeredIn(service, i.Zone)
		r.members[at] = registered
	}
	may, fresh := b.budget.spend(at, i.ID, registered, now)
	if fresh {
		r.spent = append(r.spent, spending{at, i.ID})
	}
	if may {
		return ""
	}
	where := "of " + i.Service
	if i.Zone != "" {
		where += " in zone " + i.Zone
	}
	return fmt.Sprintf("it is kept all the same, since silence took out %d of the %d instances %s within %s, and may take out no more than %d",
		b.budget.used(at, now), registered, where, short(silenceWindow), mayGo(registered))
}

// revoke forgets what was spent on a ruling that was not carried out, and what fell by it.
func (b *bench) revoke(r ruling) {
	for _, s := range r.spent {
		b.budget.refund(s.place, s.id)
	}
	for _, of := range r.fallen {
		b.falls.undo(of)
	}
}

// tell tells whether the output of a damped check has to say until when it is so. While it toggles, that moves with every
// answer; then it is told anew only when what was told is over.
func (b *bench) tell(now, until time.Time, c *registry.Check, f *Finding) bool {
	if strings.HasPrefix(c.Output, dampedPrefix) && now.Before(b.told[f.key()]) {
		return false
	}
	for of, over := range b.told { // rarely, as it is over in minutes
		if now.Sub(over) > longestHold {
			delete(b.told, of)
		}
	}
	b.told[f.key()] = until
	return true
}
