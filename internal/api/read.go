package api

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// StatusAny in a [Query] asks for instances of every status, those in maintenance included.
const StatusAny registry.Status = "any"

// Query says which instances a read is about, and how new the answer must be. The zero Query is a plain discovery.
type Query struct {
	Status       registry.Status   // empty: healthy ones that are not in maintenance
	Tags         []string          // an instance must have all of them
	Zone         string            //
	Metadata     map[string]string // an instance must have all of these pairs
	Filter       string            // an expression over the instance's fields
	Linearizable bool              // the answer shows every write that was acknowledged before
	MaxStale     time.Duration     // the greatest age of the answer that will do; 0 is any
}

func (q Query) values() url.Values {
	v := url.Values{}
	if q.Status != "" {
		v.Set(wire.ParamStatus, string(q.Status))
	}
	for _, tag := range q.Tags {
		v.Add(wire.ParamTag, tag)
	}
	if q.Zone != "" {
		v.Set(wire.ParamZone, q.Zone)
	}
	for key, value := range q.Metadata {
		v.Set(wire.ParamMeta+key, value)
	}
	if q.Filter != "" {
		v.Set(wire.ParamFilter, q.Filter)
	}
	if q.Linearizable {
		v.Set(wire.ParamConsistency, wire.Linearizable)
	}
	if q.MaxStale > 0 {
		v.Set(wire.ParamMaxStale, q.MaxStale.String())
	}
	return v
}

// Services asks for all services in numbers. The query's status does not apply.
func Services(q Query) Call[wire.Services] {
	q.Status = ""
	return Call[wire.Services]{q.read(wire.PathServices)}
}

// Discover asks for the instances of a service.
func Discover(service string, q Query) Call[wire.Discovered] {
	return fitting(q.read(wire.PathService(service)), func(d wire.Discovered) bool {
		return d.Service == service && !slices.Contains(d.Instances, nil)
	})
}

// History asks how an instance came to be as it is.
func History(service, id string, q Query) Call[wire.History] {
	return Call[wire.History]{Query{Linearizable: q.Linearizable}.read(wire.PathHistory(service, id))}
}

// read asks the query at a path.
func (q Query) read(path string) request {
	r := request{method: http.MethodGet, path: path, query: q.values(), patience: memoryPatience, inSession: true}
	if q.Linearizable {
		r.patience = askingPatience
	}
	return r
}
