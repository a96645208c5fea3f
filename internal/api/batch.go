package api

import (
	"net/http"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// RegisterAll registers instances or replaces them: all or none, at one index. It takes up to [wire.MaxOperations] of them,
// each at most once. What the registry owns of an instance is not sent.
func RegisterAll(instances ...registry.Instance) Call[wire.BatchAnswer] {
	type named struct {
		Service string `json:"service"`
		ID      string `json:"id,omitempty"`
		document
	}
	type operation struct {
		Register named `json:"register"`
	}
	var body struct {
		Operations []operation `json:"operations"`
	}
	for _, i := range instances {
		body.Operations = append(body.Operations, operation{named{i.Service, i.ID, documentOf(i)}})
	}
	return fitting(write(http.MethodPost, wire.PathBatch, body), func(answer wire.BatchAnswer) bool {
		return len(answer.Results) == len(instances)
	})
}
