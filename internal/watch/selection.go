package watch

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/musterhq/muster/registry"
)

// Selection is what a watcher watches.
type Selection struct {
	All      bool           // every service, also those to come
	Services []string       // instead; they need not be there
	Query    registry.Query // of their instances only these; a Status that is empty is [registry.StatusAny]
}

// normalize returns the selection with each service once, in the order of their names.
func (s Selection) normalize() Selection {
	s.Services = slices.Sorted(slices.Values(s.Services))
	s.Services = slices.Compact(s.Services)
	if s.Query.Status == "" {
		s.Query.Status = registry.StatusAny
	}
	return s
}

// canonical writes a query so that two that ask for the same are the same text.
func canonical(q registry.Query) string {
	tags := slices.Compact(slices.Sorted(slices.Values(q.Tags)))
	form := struct {
		Status   registry.Status
		Tags     []string          `json:",omitempty"`
		Zone     string            `json:",omitempty"`
		Metadata map[string]string `json:",omitempty"`
		Filter   string            `json:",omitempty"`
	}{Status: q.Status, Tags: tags, Zone: q.Zone, Metadata: q.Metadata}
	if q.Filter != nil {
		form.Filter = q.Filter.String()
	}
	text, _ := json.Marshal(form) // strings can't fail, and maps are written in the order of their keys
	return string(text)
}

// everything tells whether the query chooses every instance.
func everything(q registry.Query) bool {
	return q.Status == registry.StatusAny && len(q.Tags) == 0 && q.Zone == "" && len(q.Metadata) == 0 && q.Filter == nil
}

// sees tells whether a watcher with the query may have been told of an instance that was like one of these. A filter that
// looks at an output can't say: outputs change without an index, so what the history holds is not all that there was.
func sees(q registry.Query, were []*registry.Instance) bool {
	if everything(q) || q.Filter != nil && strings.Contains(q.Filter.String(), "output") {
		return true
	}
	return slices.ContainsFunc(were, q.Match)
}
