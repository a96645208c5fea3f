package registry

import (
	"maps"
	"slices"
)

// Register creates an instance, or replaces the one with the same service and id.
//
// Instance must have gone through [Instance.Normalize]; what it points to belongs to the registry from then on. The
// fields that the registry owns are ignored. The document that is already there changes nothing, but it begins the lease
// anew, and revives one that has run out. Another one keeps what was reported for the instance, its maintenance, and the
// results of the checks whose definition stays.
type Register struct {
	Instance Instance
	If       Precondition
}

// Target names the instance to register.
func (r Register) Target() (service, id string) { return r.Instance.Service, r.Instance.ID }

// Validate tells whether the document keeps the rules; see [Instance.Validate].
func (r Register) Validate() error {
	if err := r.Instance.Validate(); err != nil {
		return err
	}
	return r.If.validate()
}

func (r Register) next(cur *Instance, index uint64) (*Instance, error) {
	if err := r.If.check(cur, r.Instance.Service, r.Instance.ID); err != nil {
		return nil, err
	}
	if cur != nil && cur.sameDocument(&r.Instance) {
		return cur.renewed(index), nil
	}

	i := r.Instance // Shares its tags and maps, which nobody changes; the results of its checks are changed below.
	i.Checks = slices.Clone(i.Checks)
	i.CreateIndex, i.ModifyIndex, i.Incarnation = index, index, index
	i.Reported, i.Maintenance = Report{}, Maintenance{}
	i.Expired, i.LeaseIndex = false, 0
	if i.Lease != nil {
		i.LeaseIndex = index
	}
	if cur != nil {
		i.CreateIndex = cur.CreateIndex
		i.Reported, i.Maintenance = cur.Reported, cur.Maintenance
	}
	for n := range i.Checks {
		i.Checks[n].inherit(cur)
	}
	i.Status = i.status()
	return &i, nil
}

// inherit gives c the result of the check of cur that has the same name and definition, or that of a check which nobody
// has reported yet.
func (c *Check) inherit(cur *Instance) {
	c.Status, c.Output, c.Preserved = Unknown, "", false
	if cur == nil {
		return
	}
	if n := cur.check(c.Name); n >= 0 && cur.Checks[n].SameDefinition(*c) {
		was := cur.Checks[n]
		c.Status, c.Output, c.Preserved = was.Status, was.Output, was.Preserved
	}
}

// sameDocument tells whether i and other say the same in the fields that belong to the client.
func (i *Instance) sameDocument(other *Instance) bool {
	return i.Service == other.Service &&
		i.ID == other.ID &&
		i.Address == other.Address &&
		i.Port == other.Port &&
		i.Zone == other.Zone &&
		i.Weight == other.Weight &&
		slices.Equal(i.Tags, other.Tags) &&
		maps.Equal(i.Metadata, other.Metadata) &&
		sameLease(i.Lease, other.Lease) &&
		slices.EqualFunc(i.Checks, other.Checks, Check.SameDefinition)
}

func sameLease(a, b *Lease) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// SameDefinition tells whether c and other ask the same question in the same way, whatever the answers were.
func (c Check) SameDefinition(other Check) bool {
	return c.Name == other.Name &&
		c.Type == other.Type &&
		c.Port == other.Port &&
		c.Interval == other.Interval &&
		c.Timeout == other.Timeout &&
		c.Rise == other.Rise &&
		c.Fall == other.Fall &&
		c.Path == other.Path &&
		c.Method == other.Method &&
		maps.Equal(c.Headers, other.Headers) &&
		c.ExpectStatus == other.ExpectStatus &&
		c.ExpectBody == other.ExpectBody &&
		c.GRPCService == other.GRPCService &&
		c.TLS == other.TLS &&
		c.TLSSkipVerify == other.TLSSkipVerify
}
