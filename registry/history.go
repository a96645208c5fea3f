package registry

import (
	"slices"
	"strings"
)

// How much of the past a [State] knows. It is for those who watch and were away for a moment, and what it does not hold
// costs them a snapshot in the place of a delta, never a change.
const (
	// trailOfService is how much a small service remembers at least, and again as much at most, until all services together
	// remember maxGenerous changes. A change weighs what the instance was, in bytes, and minWeight at least: so these are up
	// to 32 changes, and fewer where the instances are large.
	trailOfService = 32 << 10
	minWeight      = 1 << 10
	maxGenerous    = 65_536

	// trailOfState is how many changes of services a State remembers at least, whatever the number of services.
	trailOfState = 1_024

	// maxDeparted is how many services whose last instance has gone are remembered.
	maxDeparted = 4_096
)

// former is what an instance was before a change.
type former struct {
	id  string
	was *Instance // nil where it was not there
}

// Difference is what became of one instance after some position.
type Difference struct {
	ID  string
	Was []*Instance // what it was at the position and from then on, up to its last change; the newest first
	New *Instance   // what it is now; nil where it is not there
}

// Since returns what changed in the service after the position: each instance once, in the order of their ids, whether or
// not it is now what it was then. Changes of an output alone are none. It is complete where the service still knows all
// that happened after the position; where it does not there are no differences.
func (s *Service) Since(position uint64) (differences []Difference, complete bool) {
	if !s.trail.reaches(position) {
		return nil, false
	}
	byID := map[string]int{}
	for index, former := range s.trail.newest() {
		if index <= position {
			break
		}
		n, ok := byID[former.id]
		if !ok {
			n = len(differences)
			byID[former.id] = n
			differences = append(differences, Difference{ID: former.id, New: s.Get(former.id)})
		}
		if former.was != nil {
			differences[n].Was = append(differences[n].Was, former.was)
		}
	}
	slices.SortFunc(differences, func(a, b Difference) int { return strings.Compare(a.ID, b.ID) })
	return differences, true
}

// LastChange returns the index of the service's last change at or before the position. All positions with the same last
// change are the same to the service: what happened since is the same. It is known where Since is complete.
func (s *Service) LastChange(position uint64) (index uint64, known bool) {
	if !s.trail.reaches(position) {
		return 0, false
	}
	return s.trail.lastUpTo(position), true
}

// roomOf is how much a generation of a service's trail holds: half of as many changes as it has instances, so that what they
// were takes no more than what they are; and more for a small one, as long as there is room for that.
func roomOf(instances, remembered int) room {
	r := room{count: max(instances/2, 1)}
	if remembered < maxGenerous {
		r.weight = trailOfService
	}
	return r
}

// weight is about how much memory it takes to remember what an instance was.
func (f former) weight() int {
	if f.was == nil {
		return minWeight
	}
	text := len(f.was.Address) + len(f.was.Zone) + len(f.was.Reported.Output) + len(f.was.Maintenance.Reason)
	for _, tag := range f.was.Tags {
		text += len(tag)
	}
	for key, value := range f.was.Metadata {
		text += len(key) + len(value)
	}
	for n := range f.was.Checks {
		text += f.was.Checks[n].weight()
	}
	return max(text, minWeight)
}

func (c *Check) weight() int {
	text := minWeight/4 + len(c.Output) + len(c.Path) + len(c.ExpectBody)
	for name, value := range c.Headers {
		text += len(name) + len(value)
	}
	return text
}
