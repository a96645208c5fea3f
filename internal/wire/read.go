package wire

import (
	"fmt"

	"github.com/musterhq/muster/registry"
)

// Services answers GET /v1/services.
type Services struct {
	Index    uint64    `json:"index"` // of the whole state
	Services []Service `json:"services"`
}

// Service is one line of [Services]: a service in numbers, of those of its instances that the query asked for.
type Service struct {
	Name        string   `json:"name"`
	Instances   int      `json:"instances"`
	Healthy     int      `json:"healthy"` // those that a plain discovery lists
	Tags        []string `json:"tags"`    // of all instances, each once, sorted
	ModifyIndex uint64   `json:"modify_index"`
}

// Discovered answers GET /v1/services/{service}.
type Discovered struct {
	Index     uint64               `json:"index"` // of the service's last change
	Service   string               `json:"service"`
	Instances []*registry.Instance `json:"instances"` // in the order of their ids

	Preserved *Preservation `json:"preserved,omitempty"` // nil where there is none
}

// Preservation says that instances of a service are kept although nobody gets an answer from them, since too many fell silent
// at once.
type Preservation struct {
	Reason string `json:"reason"`
}

// PreservationOf says why instances of a service are kept, nil where none is.
func PreservationOf(s *registry.Service) *Preservation {
	if s.Preserved() == 0 {
		return nil
	}
	for i := range s.Instances() {
		for _, c := range i.Checks {
			if c.Preserved {
				return &Preservation{Reason: fmt.Sprintf("%d of %d instances are kept, such as %s: %s", s.Preserved(), s.Len(), i.ID, c.Output)}
			}
		}
	}
	return nil
}
