package lb

import (
	"context"
	"iter"

	"github.com/musterhq/muster/registry"
)

// Source is where instances come from. Discover returns those of a service that may be called, or an error that matches
// [registry.ErrServiceNotFound] or [registry.ErrNoHealthyInstances] where there are none; any other error means that it
// could not be found out.
type Source interface {
	Discover(ctx context.Context, service string) ([]registry.Instance, error)
}

// Watcher is what a [Source] may be too, and then it is not polled: the balancer learns of changes as they happen. Watch
// yields the service as it is and as it is after changes, with its instances in every status, until ctx ends. An error
// between snapshots means that the last one may be out of date; the watch goes on.
//
// The balancer uses a snapshot before it asks for the next. A watch that confirms, when it is asked for the next, that its
// consumer has the last one can rely on it. A consumer may open several watches of a service; what not all of them have been
// asked beyond is not confirmed.
type Watcher interface {
	Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error]
}

// Local returns a source of the registry's instances, which it watches.
func Local(reg *registry.Registry) Source { return local{reg} }

type local struct{ registry *registry.Registry }

func (l local) Discover(_ context.Context, service string) ([]registry.Instance, error) {
	return l.registry.Discover(service)
}

func (l local) Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error] {
	return l.registry.Watch(ctx, service)
}
