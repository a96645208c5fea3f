package mesh

import (
	"context"
	"iter"
	"sync"
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

// farewell is how long a removal waits at most to be confirmed for the tries at the instance: long enough for a server on a
// machine that is very busy to have read what was sent to it before it was gone. It is not longer, since an answer may take
// its time, and a drain waits as long.
const farewell = 5 * time.Second

// Watch is the source's, and passes everything on at once. The balancer chooses by a snapshot before it asks for the next. In
// between, the connections to who has gone are closed. Tries that were on their way to him are given the time to arrive: a
// server that stops at once closes a connection that seems idle to him, whatever has been sent on it. So the watch of the
// source that told of a removal is not asked for more until nothing can be lost by it; another one takes its place. To a
// source that confirms what all its watches have seen, the removal is not seen before.
func (w watched) Watch(ctx context.Context, service string) iter.Seq2[registry.Snapshot, error] {
	return func(yield func(registry.Snapshot, error) bool) {
		defer w.pools.forget(service)
		var leaving sync.WaitGroup
		defer leaving.Wait()
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s := w.open(ctx, service)
		defer func() { s.stop() }()
		for {
			snapshot, err, ok := s.next()
			if !ok || !yield(snapshot, err) {
				return
			}
			if err != nil {
				continue
			}
			quiet := w.pools.follow(service, snapshot.Instances)
			s.once.Do(func() { close(s.current) })
			if len(quiet) > 0 {
				old, successor := s, w.open(ctx, service)
				leaving.Go(func() { old.leave(ctx, quiet, successor) })
				s = successor
			}
		}
	}
}

// stretch is one of the source's watches, which follow each other.
type stretch struct {
	next    func() (registry.Snapshot, error, bool)
	stop    func()
	once    sync.Once
	current chan struct{} // closed when a snapshot of this one is in use
}

func (w watched) open(ctx context.Context, service string) *stretch {
	s := &stretch{current: make(chan struct{})}
	s.next, s.stop = iter.Pull2(w.watcher.Watch(ctx, service))
	return s
}

// leave stops a watch once all of quiet are closed, or a farewell has passed, and not before its successor knows as much.
func (s *stretch) leave(ctx context.Context, quiet []<-chan struct{}, successor *stretch) {
	defer s.stop()
	wait(ctx, quiet)
	select {
	case <-successor.current:
	case <-ctx.Done():
	}
}

// wait waits for all of these to be closed, no longer than a farewell takes.
func wait(ctx context.Context, quiet []<-chan struct{}) {
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
