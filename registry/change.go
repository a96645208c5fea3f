package registry

// Change is what an [Edit] did to one instance.
type Change struct {
	Old *Instance // nil where it was created
	New *Instance // nil where it was removed

	By Operation // that did it; nil for what was loaded
}

// Instance returns the instance as it is now or, where it was removed, as it was.
func (c Change) Instance() *Instance {
	if c.New != nil {
		return c.New
	}
	return c.Old
}

// Real tells whether watchers hear of the change. They do not where a report changed nothing but an output, or a registration
// nothing but the lease's beginning.
func (c Change) Real() bool {
	return c.Old == nil || c.New == nil || c.Old.ModifyIndex != c.New.ModifyIndex
}
