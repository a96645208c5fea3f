package registry

import "fmt"

// Precondition makes a change depend on the version that it meets. The zero Precondition is always met.
type Precondition struct {
	Match  uint64 // if not 0, the instance must be there with this ModifyIndex
	Absent bool   // the instance must not be there
}

// validate refuses the one Precondition that nothing can meet.
func (p Precondition) validate() error {
	if p.Match != 0 && p.Absent {
		return invalid("if", "an instance cannot be at an index and absent at once; ask for one of them")
	}
	return nil
}

// check tells whether cur, which is nil where the instance is not there, meets p. The error is an [ErrPreconditionFailed].
func (p Precondition) check(cur *Instance, service, id string) error {
	switch {
	case p.Absent && cur != nil:
		return fmt.Errorf("%w: instance %q of service %q is there already, at modify_index %d",
			ErrPreconditionFailed, id, service, cur.ModifyIndex)
	case p.Match != 0 && cur == nil:
		return fmt.Errorf("%w: instance %q of service %q is not there", ErrPreconditionFailed, id, service)
	case p.Match != 0 && p.Match != cur.ModifyIndex:
		return fmt.Errorf("%w: instance %q of service %q is at modify_index %d, not %d",
			ErrPreconditionFailed, id, service, cur.ModifyIndex, p.Match)
	}
	return nil
}
