package lb

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/registry"
)

// Service is one service of a [Balancer]: a handle to keep, which saves looking it up for each call. All methods may be called
// by any number of goroutines at once.
type Service struct {
	balancer *Balancer
	settings *settings
	strategy strategy
	name     string
	guarded  bool // by circuit breakers
	learns   bool // each end of a call is looked at, for the averages, ejection, a circuit breaker
	ends     bool // the end of a call matters at all

	current atomic.Pointer[set] // nil: it is not watched
	used    atomic.Bool         // since the keeper looked last

	mu      sync.Mutex
	watch   *watch // nil: it is not watched
	warming bool   // some instance has its slow start
	rounds  *roundRobin

	permits  sync.Pool // of *breaker.Permit
	turn     padded
	inFlight padded // of the whole service, for rendezvous
}

func newService(b *Balancer, name string) *Service {
	s := &Service{balancer: b, settings: &b.settings, strategy: b.strategy, name: name}
	s.guarded = s.settings.breaker != nil
	s.learns = s.strategy.measures || s.settings.ejection != nil || s.guarded
	s.ends = s.learns || s.strategy.counts
	s.permits.New = func() any { return new(breaker.Permit) }
	s.turn.n.Store(rand.Int64()) // so that clients that start together do not all begin with the same instance
	return s
}

// Acquire chooses an instance for a call; the caller says by [Call.Done] how that ended. At the first use it waits for the
// source: until ctx ends or, where ctx has no deadline, the source fails. Else it does not wait, and does not look at ctx.
//
// Errors match [registry.ErrServiceNotFound] or [registry.ErrNoHealthyInstances] as the source has it, [ErrAllTried] where
// the query leaves nobody, [breaker.ErrOpen] where circuit breakers do, [ErrClosed], or ctx's error.
func (s *Service) Acquire(ctx context.Context, q Query) (Call, error) {
	return s.acquire(ctx, &q) // The compiler puts this in the place of a call of Acquire, and the query need not be copied.
}

func (s *Service) acquire(ctx context.Context, q *Query) (Call, error) {
	set := s.current.Load()
	if set == nil {
		return s.acquireFirst(ctx, q)
	}
	if !s.used.Load() {
		s.used.Store(true)
	}
	if set.rounds != nil && q.Zone == "" && q.Tried == nil {
		return Call{service: s, node: set.rounds.next()}, nil
	}
	var now time.Duration
	if s.strategy.measures {
		now = s.balancer.now()
	}
	view := &set.home
	if q.Zone != "" {
		view = set.fromElsewhere(q.Zone)
	}
	if s.guarded {
		return s.acquireGuarded(set, view, q, now)
	}
	var n *node
	if view.only != nil {
		n = view.only.pick(q.Key, q.Tried, now)
	}
	if n == nil {
		if n = view.search(q.Key, q.Tried, now); n == nil {
			return Call{}, s.nobody(set, nil)
		}
	}
	if !s.ends {
		return Call{service: s, node: n}, nil
	}
	return s.call(n, q.Stream, now, nil), nil
}

// acquireFirst is acquire of a service that is not watched yet.
func (s *Service) acquireFirst(ctx context.Context, q *Query) (Call, error) {
	if _, err := s.begin(ctx); err != nil {
		return Call{}, err
	}
	return s.acquire(ctx, q)
}

// selectInstance is Acquire without a call: it takes no place and no probe.
func (s *Service) selectInstance(ctx context.Context) (*registry.Instance, error) {
	set := s.current.Load()
	if set == nil {
		var err error
		if set, err = s.begin(ctx); err != nil {
			return nil, err
		}
	}
	if !s.used.Load() {
		s.used.Store(true)
	}
	var now time.Duration
	if s.strategy.measures {
		now = s.balancer.now()
	}
	n := set.home.pick("", nil, now)
	if n == nil {
		n = set.home.probe()
	}
	if n == nil {
		return nil, s.nobody(set, set.home.refusal())
	}
	return n.instance.Load(), nil
}

// nobody says why nobody was chosen.
func (s *Service) nobody(set *set, refusal error) error {
	switch {
	case set.err != nil:
		return set.err
	case refusal != nil:
		return fmt.Errorf("no instance of service %q may be called: %w", s.name, refusal)
	default:
		return fmt.Errorf("%w: service %q", ErrAllTried, s.name)
	}
}

// begin has the service watched, if it is not yet, and waits for the first set.
func (s *Service) begin(ctx context.Context) (*set, error) {
	w, err := s.watched()
	if err != nil {
		return nil, err
	}
	failed := w.failed
	if _, limited := ctx.Deadline(); limited {
		failed = nil // it may yet succeed
	}
	select {
	case <-w.first:
	case <-failed:
		return nil, s.unknown(w, nil)
	case <-ctx.Done():
		return nil, s.unknown(w, context.Cause(ctx))
	case <-s.balancer.closed:
		return nil, ErrClosed
	}
	if set := s.current.Load(); set != nil {
		return set, nil
	}
	return nil, ErrClosed
}

// unknown is the error where the source has not answered.
func (s *Service) unknown(w *watch, cause error) error {
	s.mu.Lock()
	err := errors.Join(cause, w.err)
	s.mu.Unlock()
	return fmt.Errorf("the instances of service %q are not known yet: %w", s.name, err)
}

// watched returns the watch of the service, which it begins if there is none.
func (s *Service) watched() (*watch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != nil {
		return s.watch, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := newWatch(cancel)
	if !s.balancer.run(func() { s.follow(ctx, w) }, func() { s.keep(ctx, w) }) {
		cancel()
		return nil, ErrClosed
	}
	s.watch = w
	return w, nil
}

// end ends a watch, and forgets what is known of the instances. The caller holds the mutex.
func (s *Service) end(w *watch) {
	w.cancel()
	if s.watch == w {
		s.watch = nil
		s.current.Store(nil)
	}
}
