package health

import (
	"iter"

	"github.com/musterhq/muster/registry"
)

// between finds what has changed from one state to another that came after it, where the later one still knows.
func between(last, state *registry.State) (changes iter.Seq[registry.Change], ok bool) {
	if last == nil {
		return nil, false
	}
	var found []registry.Change
	for _, service := range state.ChangedSince(last.Index()) {
		differences, complete := service.Since(last.Index())
		if !complete {
			return nil, false
		}
		for _, d := range differences {
			c := registry.Change{New: d.New}
			if len(d.Was) > 0 {
				c.Old = d.Was[0]
			}
			if c.Old != nil || c.New != nil {
				found = append(found, c)
			}
		}
	}
	return func(yield func(registry.Change) bool) {
		for _, c := range found {
			if !yield(c) {
				return
			}
		}
	}, true
}
