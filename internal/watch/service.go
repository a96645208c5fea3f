package watch

import (
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// teller tells of services what a query chooses of them.
type teller struct {
	query registry.Query
	key   string // the query, canonical
}

// chooses tells whether there is anything to tell of a service to a watcher that has nothing of it.
func (t teller) chooses(s *registry.Service) bool {
	for i := range s.Instances() {
		if t.query.Match(i) {
			return true
		}
	}
	return false
}

// snapshot is the whole of a service, also of one that has departed.
func (t teller) snapshot(s *registry.Service) Event {
	data := s.EncodedAs(registry.Encoding{Kind: string(wire.EventSnapshot), Query: t.key}, func(s *registry.Service) []byte {
		return encode(wire.Discovered{Index: s.Index(), Service: s.Name(), Instances: s.Select(t.query), Preserved: wire.PreservationOf(s)})
	})
	return Event{Kind: wire.EventSnapshot, Data: data}
}

// absent is the snapshot of a service of which the state knows nothing.
func absent(name string, index uint64) Event {
	body := wire.Discovered{Index: index, Service: name, Instances: []*registry.Instance{}}
	return Event{Kind: wire.EventSnapshot, Data: encode(body)}
}

// since is what changed in a service after the position: a delta, a snapshot where the history does not reach so far, or
// nothing where the query chose none of it, neither then nor since.
func (t teller) since(s *registry.Service, position uint64) (Event, bool) {
	if s.Index() <= position {
		return Event{}, false
	}
	// From here on all watchers whose position means the same to the service are one.
	from, known := s.LastChange(position)
	if !known {
		return t.snapshot(s), true
	}
	data := s.EncodedAs(registry.Encoding{Kind: string(wire.EventDelta), From: from, Query: t.key}, func(s *registry.Service) []byte {
		return t.delta(s, from)
	})
	return Event{Kind: wire.EventDelta, Data: data}, len(data) > 0
}

// delta writes what changed after the position, or nothing.
func (t teller) delta(s *registry.Service, position uint64) []byte {
	body := wire.Delta{Index: s.Index(), Service: s.Name(), Upserted: []*registry.Instance{}, Removed: []string{}, Preserved: wire.PreservationOf(s)}
	differences, _ := s.Since(position)
	for _, d := range differences {
		switch {
		case d.New != nil && t.query.Match(d.New):
			body.Upserted = append(body.Upserted, d.New)
		case sees(t.query, d.Was):
			body.Removed = append(body.Removed, d.ID)
		}
	}
	if len(body.Upserted)+len(body.Removed) == 0 {
		return nil
	}
	return encode(body)
}
