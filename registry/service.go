package registry

import (
	"iter"
	"slices"
	"sync/atomic"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// Service is one service as it stood at its Index: its instances, what is derived from them, and what they were shortly
// before. It is immutable and safe for any number of goroutines, and a service that has not changed is the same Service in
// the next State.
type Service struct {
	name      string
	index     uint64
	healthy   int
	preserved int
	instances *iradix.Tree[*Instance] // by id
	trail     trail[former]

	tags      atomic.Pointer[[]string]
	encoded   atomic.Pointer[[]byte]
	encodings encodings
}

// Name returns the name under which the instances are registered.
func (s *Service) Name() string { return s.name }

// Index returns the index of the last real change: that of an instance, or the removal of one.
func (s *Service) Index() uint64 { return s.index }

// Len returns the number of instances, whatever their status; it is 0 only where the service has departed.
func (s *Service) Len() int { return s.instances.Len() }

func (s *Service) empty() bool { return s.Len() == 0 }

// Healthy returns the number of instances that are discoverable: healthy and not in maintenance.
func (s *Service) Healthy() int { return s.healthy }

// Preserved returns the number of instances that are kept although nobody gets an answer from them; see [Check.Preserved].
func (s *Service) Preserved() int { return s.preserved }

// Get returns the instance with the id, or nil.
func (s *Service) Get(id string) *Instance {
	i, _ := s.instances.Get([]byte(id))
	return i
}

// Instances yields all instances, whatever their status, in the bytewise order of their ids.
func (s *Service) Instances() iter.Seq[*Instance] {
	return func(yield func(*Instance) bool) {
		s.instances.Root().Walk(func(_ []byte, i *Instance) bool { return !yield(i) })
	}
}

// Tags returns the tags of all instances, each once, sorted. They are worked out when first asked for. The caller must
// not change the slice.
func (s *Service) Tags() []string {
	if tags := s.tags.Load(); tags != nil {
		return *tags
	}
	tags := []string{}
	for i := range s.Instances() {
		tags = append(tags, i.Tags...)
	}
	slices.Sort(tags)
	tags = slices.Clip(slices.Compact(tags))
	s.tags.Store(&tags)
	return tags
}

// Snapshot returns the service as a value, all its instances included.
func (s *Service) Snapshot() Snapshot {
	instances := make([]Instance, 0, s.Len())
	for i := range s.Instances() {
		instances = append(instances, *i)
	}
	return Snapshot{Service: s.name, Index: s.index, Instances: instances}
}

// Encoded returns what encode makes of the service, and keeps it for as long as the service stays as it is: an answer
// that many ask for is encoded once. There is one place for it, so all callers must use the same encode. It may run more
// than once when the first callers come at the same time; its result must not be changed afterwards.
func (s *Service) Encoded(encode func(*Service) []byte) []byte {
	if b := s.encoded.Load(); b != nil {
		return *b
	}
	b := encode(s)
	s.encoded.Store(&b)
	return b
}
