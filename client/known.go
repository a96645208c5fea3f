package client

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// vouched says how new something is: the index of the whole state that it was seen in, of which cluster, and when.
type vouched struct {
	at      uint64
	when    time.Time
	cluster string
}

// known is what is known of one service. It never changes: a change makes another one.
type known struct {
	snapshot registry.Snapshot   // every status
	healthy  []registry.Instance // those that a plain discovery lists
}

// newKnown makes what an answer says of a service, which is not there without one; its instances need not be in order.
func newKnown(service string, index uint64, instances []*registry.Instance) *known {
	k := &known{snapshot: registry.Snapshot{Service: service, Index: index}}
	if len(instances) == 0 {
		return k
	}
	k.snapshot.Instances = valuesOf(instances)
	slices.SortFunc(k.snapshot.Instances, func(a, b registry.Instance) int { return cmp.Compare(a.ID, b.ID) })
	for n := range k.snapshot.Instances {
		if i := &k.snapshot.Instances[n]; i.Discoverable() {
			k.healthy = append(k.healthy, *i)
		}
	}
	return k
}

// discover answers a plain discovery. A service without an instance is not there: its last one took it along.
func (k *known) discover() ([]registry.Instance, error) {
	switch {
	case len(k.snapshot.Instances) == 0:
		return nil, fmt.Errorf("%w: %q", registry.ErrServiceNotFound, k.snapshot.Service)
	case len(k.healthy) == 0:
		return nil, noneHealthy(k.snapshot.Service)
	}
	return slices.Clone(k.healthy), nil
}

// with is what is known after a change.
func (k *known) with(d wire.Delta) *known {
	instances := map[string]*registry.Instance{}
	for n := range k.snapshot.Instances {
		i := &k.snapshot.Instances[n]
		instances[i.ID] = i
	}
	for _, id := range d.Removed {
		delete(instances, id)
	}
	for _, i := range d.Upserted {
		instances[i.ID] = i
	}
	all := make([]*registry.Instance, 0, len(instances))
	for _, i := range instances {
		all = append(all, i)
	}
	return newKnown(k.snapshot.Service, d.Index, all)
}

// differs tells whether this is something else than what was known before. Within one history the index tells that of a
// service, but not of one that was not there and is not there.
func (k *known) differs(before *known) bool {
	if before == nil {
		return true
	}
	if len(k.snapshot.Instances) == 0 && len(before.snapshot.Instances) == 0 {
		return false
	}
	return k.snapshot.Index != before.snapshot.Index
}

// share is the snapshot with a list of its own.
func (k *known) share() registry.Snapshot {
	s := k.snapshot
	s.Instances = slices.Clone(s.Instances)
	return s
}
