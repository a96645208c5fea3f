package registry

// Lease is the client's promise to send a heartbeat at least once a TTL, which is 1 s to 24 h.
//
// Heartbeats are no operations: who keeps the time of the leases, keeps them in memory. What reaches the registry is that a
// lease has run out, that it was taken up again, and that its instance has been gone for long enough. Each of these names the
// lease that it is about, by [Instance.LeaseIndex], and does nothing where that is another by now, or has gone: it may come
// late, twice, or from somebody who was not told yet of a new registration.
type Lease struct {
	TTL             Duration `json:"ttl" bexpr:"ttl"`
	DeregisterAfter Duration `json:"deregister_after,omitempty" bexpr:"deregister_after"` // counted from the expiry; 0 is never
}

// LeaseName says which lease is meant.
type LeaseName struct {
	Service, ID string
	Index       uint64 // [Instance.LeaseIndex]
}

// Target names the instance that the lease belongs to.
func (l LeaseName) Target() (service, id string) { return l.Service, l.ID }

// Validate trusts the one who found something out about a lease: it comes from within the registry.
func (l LeaseName) Validate() error { return nil }

// runs tells whether cur has this very lease.
func (l LeaseName) runs(cur *Instance) bool {
	return cur != nil && cur.Lease != nil && cur.LeaseIndex == l.Index
}

// ExpireLease says that no heartbeat came in time. The instance is unhealthy from then on.
type ExpireLease struct {
	LeaseName
	Cause Cause
}

func (e ExpireLease) next(cur *Instance, index uint64) (*Instance, error) {
	if !e.runs(cur) || cur.Expired {
		return cur, nil
	}
	i := *cur
	i.Expired = true
	i.Status = i.status()
	i.ModifyIndex = index
	return &i, nil
}

// ReviveLease says that a heartbeat came for a lease that had run out. The instance gets a new one.
type ReviveLease struct {
	LeaseName
	Cause Cause
}

func (r ReviveLease) next(cur *Instance, index uint64) (*Instance, error) {
	if !r.runs(cur) || !cur.Expired {
		return cur, nil
	}
	return cur.renewed(index), nil
}

// ReapInstance deregisters an instance whose lease ran out so long ago that nobody waits for it any more.
type ReapInstance struct {
	LeaseName
	Cause Cause
}

func (r ReapInstance) next(cur *Instance, _ uint64) (*Instance, error) {
	if !r.runs(cur) || !cur.Expired {
		return cur, nil
	}
	return nil, nil
}

// renewed is the instance with a lease that begins at an index. That is no real change, except where the last lease had run
// out.
func (i *Instance) renewed(index uint64) *Instance {
	if i.Lease == nil {
		return i
	}
	next := *i
	next.LeaseIndex = index
	if i.Expired {
		next.Expired = false
		next.Status = next.status()
		next.ModifyIndex = index
	}
	return &next
}
