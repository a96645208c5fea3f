package registry

import (
	"iter"
	"maps"
	"slices"
)

// Edit is a private draft of the next [State]: any number of operations at any number of indexes, then one Commit. What
// it costs depends on what it touches and not on how much is registered. It is for one goroutine, and done with after
// Commit but for ChangesFrom and Changed.
type Edit struct {
	base      *State
	index     uint64
	instances int
	past      past
	drafts    map[string]*draft // of the services that were touched, by name
	changes   []Change
}

// Apply applies operations at one index, all or none, and says what each did. Each must be about another instance, or
// the fence of [Precondition] would lie. With several operations an [OperationError] names the one that failed; a single
// one fails with its own error. Apply trusts that the operations were validated when they were proposed.
func (e *Edit) Apply(index uint64, ops ...Operation) ([]Result, error) {
	if err := validateTargets(ops); err != nil {
		return nil, err
	}
	changes := make([]Change, len(ops))
	for n, op := range ops {
		service, id := op.Target()
		cur := e.Instance(service, id)
		next, err := op.next(cur, index)
		if err != nil {
			return nil, at(n, ops, err)
		}
		changes[n] = Change{Old: cur, New: next, By: op}
	}

	e.SetIndex(index)
	results := make([]Result, len(ops))
	for n, c := range changes {
		results[n] = Result{Instance: c.Instance()}
		if c.Old != c.New {
			results[n].Created, results[n].Changed = c.Old == nil, c.Real()
			e.change(c, index)
		}
	}
	return results, nil
}

// validateTargets refuses two operations on one instance: each is worked out from the state that all of them meet.
func validateTargets(ops []Operation) error {
	if len(ops) < 2 {
		return nil
	}
	type target struct{ service, id string }
	first := make(map[target]int, len(ops))
	for n, op := range ops {
		service, id := op.Target()
		if f, ok := first[target{service, id}]; ok {
			return at(n, ops, invalid("operations", "instance %q of service %q is changed by operation %d already; "+
				"at one index each instance changes once at most", id, service, f))
		}
		first[target{service, id}] = n
	}
	return nil
}

// at says which of several operations err is about.
func at(n int, ops []Operation, err error) error {
	if len(ops) == 1 {
		return err
	}
	return &OperationError{Position: n, Err: err}
}

// SetIndex moves the index of the State forward, as an entry does that changes nothing.
func (e *Edit) SetIndex(index uint64) { e.index = max(e.index, index) }

// ChangesFrom yields what was done after the first n changes, in order; with 0, all of it.
func (e *Edit) ChangesFrom(n int) iter.Seq[Change] { return slices.Values(e.changes[n:]) }

// Changed returns the names, sorted, of the services that watchers hear of; see [Publisher.Publish].
func (e *Edit) Changed() []string {
	names := make(map[string]struct{}, len(e.drafts))
	for _, c := range e.changes {
		if c.Real() {
			names[c.Instance().Service] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Commit returns the drafted State, which shares with the one before it all that did not change.
func (e *Edit) Commit() *State {
	next := &State{index: e.index, instances: e.instances, services: e.base.services, past: e.past}
	if len(e.drafts) > 0 {
		e.commitDrafts(next)
		next.past.forget()
	}
	return next
}

// Instance returns an instance as it is drafted, nil where there is none.
func (e *Edit) Instance(service, id string) *Instance {
	if d := e.drafts[service]; d != nil {
		i, _ := d.txn.Get([]byte(id))
		return i
	}
	if s := e.base.Service(service); s != nil {
		return s.Get(id)
	}
	return nil
}

// change stores what an operation did at the index.
func (e *Edit) change(c Change, index uint64) {
	d := e.store(c)
	if c.Real() {
		d.advance(index)
		e.past.remembered -= d.trail.count()
		d.remember(c, roomOf(d.count, e.past.remembered))
		e.past.remembered += d.trail.count()
	}
}

func (e *Edit) store(c Change) *draft {
	d := e.draft(c.Instance().Service)
	switch {
	case c.Old == nil:
		e.instances++
	case c.New == nil:
		e.instances--
	}
	d.apply(c)
	e.changes = append(e.changes, c)
	return d
}

func (e *Edit) draft(service string) *draft {
	d := e.drafts[service]
	if d == nil {
		d = newDraft(e.base.known(service), e.base.past.floor)
		e.drafts[service] = d
	}
	return d
}
