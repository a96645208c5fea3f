package consistency

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Replica is what a watcher has of the services that it watches. It applies whole sets of events, each of which ends with an
// id: a part of one is a state that never was. It is for one goroutine.
type Replica struct {
	who      string
	seen     *Sightings
	services map[string]map[string]*registry.Instance
	indexes  map[string]uint64
	set      []wire.Event
}

// NewReplica begins with nothing. What it gets to see goes into the sightings, under the name of who sees it.
func NewReplica(who string, seen *Sightings) *Replica {
	return &Replica{who: who, seen: seen, services: map[string]map[string]*registry.Instance{}, indexes: map[string]uint64{}}
}

// Broken throws away what was not whole: it comes again, where the watch goes on.
func (r *Replica) Broken() { r.set = nil }

// Take takes an event, and applies the set if it is its last one. It fails where an event is not what the contract says, or
// takes an instance back to what it was before.
func (r *Replica) Take(e wire.Event) error {
	r.set = append(r.set, e)
	if e.ID == nil {
		return nil
	}
	set := r.set
	r.set = nil
	for _, e := range set {
		if err := r.apply(e); err != nil {
			return fmt.Errorf("%s: %w", r.who, err)
		}
	}
	return nil
}

func (r *Replica) apply(e wire.Event) error {
	switch e.Event {
	case wire.EventReset:
		clear(r.services)
		clear(r.indexes)
		return nil
	case wire.EventSnapshot:
		var all wire.Discovered
		if err := json.Unmarshal(e.Data, &all); err != nil {
			return err
		}
		delete(r.services, all.Service)
		return r.merge(all.Service, all.Index, all.Instances, nil)
	case wire.EventDelta:
		var d wire.Delta
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return err
		}
		return r.merge(d.Service, d.Index, d.Upserted, d.Removed)
	default:
		return nil
	}
}

func (r *Replica) merge(service string, index uint64, upserted []*registry.Instance, removed []string) error {
	if before := r.indexes[service]; before > index {
		return fmt.Errorf("%s goes back from %d to %d", service, before, index)
	}
	instances := r.services[service]
	if instances == nil {
		instances = map[string]*registry.Instance{}
		r.services[service] = instances
	}
	for _, i := range upserted {
		if old := instances[i.ID]; old != nil && old.ModifyIndex > i.ModifyIndex {
			return fmt.Errorf("%s of %s goes back from %d to %d", i.ID, service, old.ModifyIndex, i.ModifyIndex)
		}
		instances[i.ID] = i
	}
	for _, id := range removed {
		delete(instances, id)
	}
	r.indexes[service] = index
	r.seen.Add(r.who, service, index, instances)
	return nil
}

// Instances are those of a service, as the replica has them.
func (r *Replica) Instances(service string) map[string]*registry.Instance {
	return maps.Clone(r.services[service])
}
