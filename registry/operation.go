package registry

// Operation is one change to one instance. Clients ask for a [Register], a [Deregister], a [ReportHealth] or a
// [SetMaintenance], the registry itself for an [ExpireLease], a [ReviveLease], a [ReapInstance] or a [JudgeCheck]. It is a
// value: decided by the state it meets and the index it is applied at, by nothing else.
type Operation interface {
	// Target names the instance that the operation is about.
	Target() (service, id string)

	// Validate tells whether the operation is well-formed, before any state is looked at; see [ErrInvalid]. Whoever
	// proposes an operation calls it; [Edit.Apply] does not, so that an old log means the same under newer rules.
	Validate() error

	// next works out what becomes of the instance, of which cur is nil where there is none yet. It returns cur itself
	// where nothing changes and nil where the instance goes. It must not change cur, and it moves ModifyIndex to index
	// where the change is a real one, which watchers hear of.
	next(cur *Instance, index uint64) (*Instance, error)
}

// Result is what one operation did.
type Result struct {
	Instance *Instance // as it stands now, or as it stood before it was removed; nil where there was none and is none
	Created  bool      // it was not there before
	Changed  bool      // false where the operation found everything as it wanted it, but for the output of a report
}
