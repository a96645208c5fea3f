package mesh

import (
	"context"
	"iter"
	"time"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// observed is a source whose answers pass by the pools on their way to the balancer, so that the connections to an
// instance go with it.
type observed struct {
	lb.Source
	pools *pools
}

// observe keeps the abilities of the source: one that can be watched still can.
func observe(source lb.Source, p *pools) lb.Source {
	o := observed{source, p}
	if w, ok := source.(lb.Watcher); ok {
		return watched{o, w}
	}
	return o
}

// Discover is the source's.
func (o observed) Discover(ctx context.Context, service string) ([]registry.Instance, error) {
	instances, err := o.Source.Discover(ctx, service)
	if err == nil {
		o.pools.keep(service, instances)
	}
	return instances, err
}

// watched is an observed source that can be watched.
type watched struct {
	observed
	watcher lb.Watcher
}

// farewell is how long a watch waits at most, before it asks for the next snapshot, for the tries at instances that have
// gone: long enough for a server on a machine that is very busy to have read what was sent to it before it was gone. It is
// not longer, since an answer may take its time, and news of the service wait as long.
const farewell = 2 * time.Second

// Watch is the source's. The balancer chooses by a snapshot before it asks for the next. In between, the connections to who
// has gone are closed, and tries that were on their way to him are given the time to arrive: a server that stops at once
// closes a connection that seems idle to him, whatever has been sent on it. So to a watch that confirms what its consumer
// has seen, a removal is seen when nothing can be lost by it.
func (w watched) Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error] {
	return func(yield func(registry.Snapshot, error) bool) {
		defer w.pools.forget(service)
		for snapshot, err := range w.watcher.Watch(ctx, service) {
			if !yield(snapshot, err) {
				return
			}
			if err == nil {
				wait(ctx, w.pools.follow(service, snapshot.Instances))
			}
		}
	}
}

// wait waits for all of these to be closed, no longer than a farewell takes.
func wait(ctx context.Context, quiet []<-chan struct{}) {
	if len(quiet) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	for _, q := range quiet {
		select {
		case <-q:
		case <-ctx.Done():
			return
		}
	}
}
