package registry

// Put stores i as it stands, without any rules: for loading what was saved. The index of its service becomes at least
// the instance's ModifyIndex; that of a removal is restored by SetServiceIndex. The service forgets what it was before.
func (e *Edit) Put(i *Instance) {
	d := e.store(Change{Old: e.Instance(i.Service, i.ID), New: i})
	d.advance(i.ModifyIndex)
	e.forget(d)
}

// SetServiceIndex moves the index of a service forward to one that was saved with it: its last change may have been a
// removal, of which the instances left tell nothing. It does nothing where the service has no instance.
func (e *Edit) SetServiceIndex(service string, index uint64) {
	if e.base.Service(service) != nil || e.drafts[service] != nil {
		d := e.draft(service)
		d.advance(index)
		e.forget(d)
	}
}

// StartAt ends the loading of a State that was saved or made elsewhere: its index moves forward to that of what was loaded,
// and its history begins there. Without it the State would claim to know that what it does not hold was never there.
func (e *Edit) StartAt(index uint64) {
	e.SetIndex(index)
	e.past.floor = max(e.past.floor, index)
	e.past.changed = trail[string]{floor: e.past.floor}
}

func (e *Edit) forget(d *draft) {
	e.past.remembered -= d.trail.count()
	d.forget()
}
