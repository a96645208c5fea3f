package lb

import (
	"context"
	"errors"
	"time"

	"github.com/musterhq/muster/registry"
)

// watch is one stretch of a service's life in which it is used: who is there, and the goroutines that keep that up to date.
// It is guarded by the service's mutex.
type watch struct {
	cancel context.CancelFunc
	woken  chan struct{} // something changed beside the set
	first  chan struct{} // closed with the first set
	failed chan struct{} // closed with the first error before that
	known  bool          // there was a first set
	err    error         // of the source, since its last answer

	nodes   map[string]*node // by id, of all that are registered
	members []*node          // those that are healthy and of the subset, in the order of their ids
	nobody  error            // why there are no members

	panicking    bool
	intervalEnds time.Duration
	events       []Event // to be told by the keeper
}

func newWatch(cancel context.CancelFunc) *watch {
	return &watch{
		cancel: cancel,
		woken:  make(chan struct{}, 1), first: make(chan struct{}), failed: make(chan struct{}),
		nodes: map[string]*node{},
	}
}

// pause is how long a source that does not watch, or whose watch has ended, is left alone.
const pause = time.Second

// follow keeps the set up to date until ctx ends.
func (s *Service) follow(ctx context.Context, w *watch) {
	watcher, watches := s.balancer.source.(Watcher)
	for ctx.Err() == nil {
		if watches {
			s.listen(ctx, w, watcher)
		} else {
			s.poll(ctx, w)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// listen takes what a watch yields. The new set stands before the watch is asked for the next.
func (s *Service) listen(ctx context.Context, w *watch, source Watcher) {
	for snapshot, err := range source.Watch(ctx, s.name) {
		if err != nil {
			s.sourceFailed(ctx, w, err)
			continue
		}
		s.accept(w, snapshot.Instances, (*registry.Instance).Discoverable, serviceNotFound(s.name))
	}
}

// poll asks once. What is discovered is healthy by definition.
func (s *Service) poll(ctx context.Context, w *watch) {
	instances, err := s.balancer.source.Discover(ctx, s.name)
	switch {
	case err == nil:
		s.accept(w, instances, func(*registry.Instance) bool { return true }, serviceNotFound(s.name))
	case errors.Is(err, registry.ErrServiceNotFound), errors.Is(err, registry.ErrNoHealthyInstances):
		s.accept(w, nil, nil, err)
	default:
		s.sourceFailed(ctx, w, err)
	}
}

// sourceFailed notes an error of the source, which changes nothing but for those who wait for a first set.
func (s *Service) sourceFailed(ctx context.Context, w *watch, err error) {
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.err == nil {
		w.tell(s.event(SourceFailed, "", err.Error()))
		s.wakeKeeper(w)
	}
	w.err = err
	if !w.known {
		select {
		case <-w.failed:
		default:
			close(w.failed)
		}
	}
}

// accept makes a set of the instances, of which those that are well may be chosen. If there are none, that is for the reason.
func (s *Service) accept(w *watch, instances []registry.Instance, well func(*registry.Instance) bool, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != w {
		return
	}
	if w.err != nil {
		w.err = nil
		w.tell(s.event(SourceBack, "", ""))
	}
	now := s.balancer.now()
	s.enrol(w, instances, well, now)
	w.nobody = reason
	if len(instances) > 0 {
		w.nobody = noHealthyInstances(s.name, len(instances))
	}
	s.rebuild(w, now)
	if !w.known {
		w.known = true
		close(w.first)
	}
	s.wakeKeeper(w) // for its timer and the events
}

// tell leaves an event to the keeper.
func (w *watch) tell(e Event) { w.events = append(w.events, e) }
