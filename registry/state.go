package registry

import (
	"iter"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// State is everything that is registered, as it stood at its Index, and what it was shortly before. It is immutable:
// readers share it without locks and keep it for as long as they like, whatever is written in the meantime.
type State struct {
	index     uint64
	instances int
	services  *iradix.Tree[*Service] // by name; none is empty
	past      past
}

// NewState returns the State before the first change, at index 0.
func NewState() *State {
	return &State{services: iradix.New[*Service](), past: past{departed: iradix.New[*Service]()}}
}

// Index returns the index of the last entry that was applied, also where that changed nothing.
func (s *State) Index() uint64 { return s.index }

// Len returns the number of instances of all services.
func (s *State) Len() int { return s.instances }

// Service returns the service with the name, or nil where no instance of it is registered.
func (s *State) Service(name string) *Service {
	service, _ := s.services.Get([]byte(name))
	return service
}

// Services yields the services in the bytewise order of their names.
func (s *State) Services() iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		s.services.Root().Walk(func(_ []byte, service *Service) bool { return !yield(service) })
	}
}

// Instance returns one instance. It fails with [ErrServiceNotFound] or [ErrInstanceNotFound].
func (s *State) Instance(service, id string) (*Instance, error) {
	found := s.Service(service)
	if found == nil {
		return nil, serviceNotFound(service)
	}
	i := found.Get(id)
	if i == nil {
		return nil, instanceNotFound(service, id)
	}
	return i, nil
}

// Edit begins a draft of the next State. The State itself stays as it is.
func (s *State) Edit() *Edit {
	return &Edit{base: s, index: s.index, instances: s.instances, past: s.past, drafts: map[string]*draft{}}
}
