package registry

import (
	"iter"
	"slices"
)

// StatusAny asks a [Query] for instances in every status, and for those in maintenance too.
const StatusAny Status = "any"

// Query chooses among the instances of a service; all that it says must be met. The zero Query is plain discovery: it
// chooses what is healthy and not in maintenance.
type Query struct {
	Status   Status            // one status, without the instances in maintenance; empty is Healthy, StatusAny is everything
	Tags     []string          // all of them
	Zone     string            // if not empty
	Metadata map[string]string // all of these pairs
	Filter   *Filter           // if not nil
}

// Validate refuses a Status that no instance can have.
func (q Query) Validate() error {
	switch q.Status {
	case "", Healthy, Unhealthy, Unknown, StatusAny:
		return nil
	}
	return invalid("status", "must be %q, %q, %q or %q, not %q", Healthy, Unhealthy, Unknown, StatusAny, q.Status)
}

// IsZero tells whether q is plain discovery, whose answer [Service.Encoded] may hold.
func (q Query) IsZero() bool {
	return q.Status == "" && len(q.Tags) == 0 && q.Zone == "" && len(q.Metadata) == 0 && q.Filter == nil
}

// Match tells whether q chooses i.
func (q Query) Match(i *Instance) bool {
	if !q.matchStatus(i) || q.Zone != "" && q.Zone != i.Zone {
		return false
	}
	for _, tag := range q.Tags {
		if !slices.Contains(i.Tags, tag) {
			return false
		}
	}
	for key, want := range q.Metadata {
		if value, ok := i.Metadata[key]; !ok || value != want {
			return false
		}
	}
	return q.Filter == nil || q.Filter.Match(i)
}

func (q Query) matchStatus(i *Instance) bool {
	switch q.Status {
	case StatusAny:
		return true
	case "":
		return i.Discoverable()
	default:
		return i.Status == q.Status && !i.Maintenance.Enabled
	}
}

// Select returns the instances that q chooses, in the order of their ids; never nil, so that it is a list in JSON too.
func (s *Service) Select(q Query) []*Instance {
	if q.IsZero() { // No more and no less than those that were counted.
		return appendMatches(make([]*Instance, 0, s.healthy), s.Instances(), q)
	}
	return appendMatches([]*Instance{}, s.Instances(), q)
}

func appendMatches(to []*Instance, from iter.Seq[*Instance], q Query) []*Instance {
	for i := range from {
		if q.Match(i) {
			to = append(to, i)
		}
	}
	return to
}
