package registry

import (
	"maps"
	"slices"
)

// DefaultWeight is the share of traffic of an instance that names none.
const DefaultWeight = 100

// Instance is one running copy of a service: where it listens, what it says of itself, and how it is.
//
// The fields up to Checks are the client's document; those after it belong to the registry, which ignores them in a
// registration, so that what was read can be written back. An Instance that came out of the registry is shared by all
// its readers: never change it or what it points to, change a [Instance.Clone].
type Instance struct {
	Service  string            `json:"service" bexpr:"service"`
	ID       string            `json:"id" bexpr:"id"`           // unique within the service
	Address  string            `json:"address" bexpr:"address"` // an IP address or a host name
	Port     int               `json:"port" bexpr:"port"`
	Zone     string            `json:"zone,omitempty" bexpr:"zone"`
	Weight   int               `json:"weight" bexpr:"weight"` // 1 to 65,535; 0 in a registration means [DefaultWeight]
	Tags     []string          `json:"tags,omitempty" bexpr:"tags"`
	Metadata map[string]string `json:"metadata,omitempty" bexpr:"metadata"`
	Lease    *Lease            `json:"lease,omitempty" bexpr:"lease"`
	Checks   []Check           `json:"checks,omitempty" bexpr:"checks"`

	// Status is the worst of Reported, the lease and the checks; see [Status].
	Status      Status      `json:"status" bexpr:"status"`
	Expired     bool        `json:"expired,omitempty" bexpr:"expired"`  // the lease ran out, and no heartbeat has come since
	Reported    Report      `json:"reported,omitzero" bexpr:"reported"` // the last report for the instance itself
	Maintenance Maintenance `json:"maintenance" bexpr:"maintenance"`

	CreateIndex uint64 `json:"create_index" bexpr:"create_index"` // of the registration that created it
	ModifyIndex uint64 `json:"modify_index" bexpr:"modify_index"` // of its last real change
	Incarnation uint64 `json:"incarnation" bexpr:"incarnation"`   // of its last registration that was not a mere repetition

	// LeaseIndex names the lease that is running: the index of the last registration, a repeated one included, or revival.
	// 0 without a lease. What was found out about a lease counts only against the lease that it was found out about.
	LeaseIndex uint64 `json:"-" bexpr:"-"`
}

// Discoverable tells whether a plain discovery lists the instance: healthy and not in maintenance.
func (i *Instance) Discoverable() bool {
	return i.Status == Healthy && !i.Maintenance.Enabled
}

// Preserved tells whether one of the instance's checks is kept against what was seen; see [Check.Preserved].
func (i *Instance) Preserved() bool {
	return slices.ContainsFunc(i.Checks, func(c Check) bool { return c.Preserved })
}

// Clone returns a deep copy, which its caller may change.
func (i *Instance) Clone() *Instance {
	c := *i
	c.Tags = slices.Clone(i.Tags)
	c.Metadata = maps.Clone(i.Metadata)
	if i.Lease != nil {
		lease := *i.Lease
		c.Lease = &lease
	}
	c.Checks = slices.Clone(i.Checks)
	for n := range c.Checks {
		c.Checks[n] = c.Checks[n].clone()
	}
	return &c
}
