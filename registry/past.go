package registry

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// past is what a [State] knows of how it came about, beyond what its services know of themselves.
type past struct {
	floor      uint64
	changed    trail[string]          // the names of services, at their changes
	departed   *iradix.Tree[*Service] // by name; all are empty
	remembered int                    // the changes that all services know of, departed ones too
}

// Floor returns the index that the history reaches back to. Of services that went at it or before, the State knows nothing.
func (s *State) Floor() uint64 { return s.past.floor }

// Departed returns a service whose last instance has gone: a Service without instances, at the index of the last removal,
// which knows how that came about. It is nil where the service is there or was never there, and where it went at the Floor
// or before.
func (s *State) Departed(name string) *Service {
	service, _ := s.past.departed.Get([]byte(name))
	return service
}

// ChangedSince returns the services that have changed after the position, those that have departed among them, in the order
// of their names. Positions below the Floor are answered as far as the State knows. It costs about as much as there were
// changes, and never much more than there are services.
func (s *State) ChangedSince(position uint64) []*Service {
	var changed []*Service
	if s.past.changed.reaches(position) {
		changed = s.named(s.past.changed.newest(), position)
	} else {
		for _, services := range []*iradix.Tree[*Service]{s.services, s.past.departed} {
			services.Root().Walk(func(_ []byte, service *Service) bool {
				if service.index > position {
					changed = append(changed, service)
				}
				return false
			})
		}
	}
	slices.SortFunc(changed, func(a, b *Service) int { return strings.Compare(a.name, b.name) })
	return changed
}

// named finds the services that are named after the position, each once.
func (s *State) named(names iter.Seq2[uint64, string], position uint64) (services []*Service) {
	seen := map[string]bool{}
	for index, name := range names {
		if index <= position {
			break
		}
		if service := s.known(name); service != nil && !seen[name] {
			services = append(services, service)
		}
		seen[name] = true
	}
	return services
}

// known returns the service with the name, also where it has departed.
func (s *State) known(name string) *Service {
	if service := s.Service(name); service != nil {
		return service
	}
	return s.Departed(name)
}

// note remembers that a service has changed, of which there are so many.
func (p *past) note(s *Service, services int) {
	if s.index > p.changed.floor {
		p.changed = p.changed.with(s.index, s.name, 0, room{count: max(services/2, trailOfState)})
	}
}

// forget bounds the number of departed services. It forgets the older half of them at once, so that looking for the oldest
// costs next to nothing in the long run.
func (p *past) forget() {
	if p.departed.Len() <= maxDeparted {
		return
	}
	var oldest []*Service
	p.departed.Root().Walk(func(_ []byte, service *Service) bool {
		oldest = append(oldest, service)
		return false
	})
	slices.SortFunc(oldest, func(a, b *Service) int { return cmp.Compare(a.index, b.index) })
	p.floor = max(p.floor, oldest[len(oldest)/2].index)
	txn := p.departed.Txn()
	for _, service := range oldest {
		if service.index <= p.floor {
			txn.Delete([]byte(service.name))
			p.remembered -= service.trail.count()
		}
	}
	p.departed = txn.CommitOnly()
}
