package consistency

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/musterhq/muster/registry"
)

// Sightings are what watchers and local reads have seen of services, by the index of each. An index is a version: whoever has
// a service at one must have the same content as everybody else. Their methods may be called from many goroutines at once.
type Sightings struct {
	mu       sync.Mutex
	contents map[version]string
	seen     int
	wrong    []string
}

type version struct {
	service string
	index   uint64
}

// NewSightings begins with none.
func NewSightings() *Sightings { return &Sightings{contents: map[version]string{}} }

// Add notes that somebody has a service with an index and so many instances.
func (s *Sightings) Add(who, service string, index uint64, instances map[string]*registry.Instance) {
	content := Render(instances)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	at := version{service, index}
	before, known := s.contents[at]
	if !known {
		s.contents[at] = content
	}
	if known && before != content {
		s.wrong = append(s.wrong, fmt.Sprintf("%s has %s at %d with %s, another had %s", who, service, index, content, before))
	}
}

// Check tells of all contradictions.
func (s *Sightings) Check() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%d contradictions, the first being: %s", len(s.wrong), s.wrong[0])
}

// Len is how many contents were seen, and of how many versions they were.
func (s *Sightings) Len() (seen, versions int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen, len(s.contents)
}

// Render writes instances in a form in which two sets are equal only if their instances are.
func Render(instances map[string]*registry.Instance) string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(instances)) {
		i := instances[id]
		fmt.Fprintf(&b, "[%s@%d %s %s]", id, i.ModifyIndex, i.Metadata["version"], i.Status)
	}
	return b.String()
}
