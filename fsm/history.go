package fsm

import (
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// trails find the transitions of an instance. They are in step with the newest [store.History] that was made of them, which
// may be newer than what readers see.
type trails struct {
	mu sync.Mutex // for readers; entries are applied by one goroutine anyway
	of map[target]*trail
}

// trail is what is kept of one instance: at least one transition.
type trail struct {
	target           // which its transitions share
	numbers []uint64 // in order
}

// restart begins with another history.
func (t *trails) restart(history store.History) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of = map[target]*trail{}
	for number, transition := range history.Since(0) {
		t.add(target{transition.Service, transition.ID}, number)
	}
}

// add notes the number of a transition of an instance, and returns its trail.
func (t *trails) add(of target, number uint64) *trail {
	kept := t.of[of]
	if kept == nil {
		// Copies, since the names may be a part of a whole registration.
		kept = &trail{target: target{strings.Clone(of.service), strings.Clone(of.id)}}
		t.of[kept.target] = kept
	}
	kept.numbers = append(kept.numbers, number)
	return kept
}

// dropOldest forgets the number of the oldest transition of an instance.
func (t *trails) dropOldest(of target) {
	kept := t.of[of]
	if kept.numbers = slices.Delete(kept.numbers, 0, 1); len(kept.numbers) == 0 {
		delete(t.of, of)
	}
}

// numbers are those of an instance's transitions, the newest first.
func (t *trails) numbers(of target) []uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.of[of]
	if kept == nil {
		return nil
	}
	numbers := slices.Clone(kept.numbers)
	slices.Reverse(numbers)
	return numbers
}

// note keeps a change of an entry with its cause, if one can see it.
func (d *draft) note(entry *raft.Log, c command, change registry.Change) {
	from, to := registry.ConditionOf(change.Old), registry.ConditionOf(change.New)
	if from == to {
		return
	}
	i := change.Instance()
	of := d.trails.add(target{i.Service, i.ID}, d.history.Next())
	t := &record.Transition{
		Service: of.service, ID: of.id, Index: entry.Index, Time: c.proposedAt.UnixNano(), From: from, To: to,
	}
	cause := record.Cause{Term: entry.Term}
	cause.Rule, cause.Check, cause.Cause = registry.Reason(change.By)
	d.history = d.history.Add(t, cause)
	switch {
	case len(of.numbers) > store.MaxTransitionsOfOne:
		d.forget(of.numbers[0], t)
	case d.history.Len() > store.MaxTransitions:
		oldest := d.history.First()
		d.forget(oldest, d.history.At(oldest))
	}
}

// forget forgets the oldest transition of an instance.
func (d *draft) forget(number uint64, of *record.Transition) {
	d.history = d.history.Forget(number)
	d.trails.dropOldest(target{of.Service, of.ID})
}

// History is what is kept of how an instance came to look as it does, the newest transition first, up to the entry at an
// index. It also tells of instances that are not there any more.
func (m *Machine) History(service, id string, upTo uint64) (transitions []*record.Transition) {
	numbers := m.trails.numbers(target{service, id})
	history := m.position.Load().history
	for _, number := range numbers {
		// One that is not shown yet is missing, and so is one that was just forgotten. The name is compared, as the state may
		// have been replaced in between.
		t := history.At(number)
		if t != nil && t.Index <= upTo && t.Service == service && t.ID == id {
			transitions = append(transitions, t)
		}
	}
	return transitions
}
