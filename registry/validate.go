package registry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Validate tells whether i, which must have gone through [Instance.Normalize], keeps the rules for what a client may
// register. The error is an [InvalidError] for the first field that does not. Fields that the registry owns are not
// looked at.
func (i *Instance) Validate() error {
	return cmp.Or(
		validateName("service", i.Service),
		validateAddress("address", i.Address),
		validateRange("port", i.Port, 1, 65_535),
		validateName("id", i.ID), // after those that its default is made of
		validateText("zone", i.Zone, 0, MaxZoneBytes),
		validateRange("weight", i.Weight, 1, MaxWeight),
		i.validateTags(),
		i.validateMetadata(),
		i.Lease.validate(),
		i.validateChecks(),
	)
}

func (i *Instance) validateTags() error {
	if err := validateCount("tags", len(i.Tags), MaxTags, "tags"); err != nil {
		return err
	}
	for n, tag := range i.Tags {
		if err := validateText(fmt.Sprintf("tags[%d]", n), tag, 1, MaxTagBytes); err != nil {
			return err
		}
	}
	return nil
}

func (i *Instance) validateMetadata() error {
	if err := validateCount("metadata", len(i.Metadata), MaxMetadata, "pairs"); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(i.Metadata)) { // sorted, so that the same document gets the same error
		err := cmp.Or(
			validateText("key", key, 1, MaxMetadataKeyBytes),
			validateText("value", i.Metadata[key], 0, MaxMetadataValueBytes),
		)
		if err != nil {
			return invalid(fmt.Sprintf("metadata[%q]", key), "%v", err)
		}
	}
	return nil
}

func (l *Lease) validate() error {
	if l == nil {
		return nil
	}
	if err := validateSpan("lease.ttl", l.TTL, Duration(MinLeaseTTL), Duration(MaxLeaseTTL)); err != nil {
		return err
	}
	if l.DeregisterAfter == 0 {
		return nil
	}
	return validateSpan("lease.deregister_after", l.DeregisterAfter, Duration(MinDeregisterAfter), Duration(MaxDeregisterAfter))
}

func (i *Instance) validateChecks() error {
	if err := validateCount("checks", len(i.Checks), MaxChecks, "checks"); err != nil {
		return err
	}
	for n := range i.Checks {
		c := &i.Checks[n]
		field := fmt.Sprintf("checks[%d]", n)
		if err := c.validate(field + "."); err != nil {
			return err
		}
		if first := i.check(c.Name); first != n {
			return invalid(field+".name", "%q is the name of checks[%d] already; a name is unique within the instance "+
				"and defaults to the type", c.Name, first)
		}
	}
	return nil
}
