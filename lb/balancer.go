package lb

import (
	"context"
	"sync"
	"time"

	"github.com/musterhq/muster/registry"
)

// Balancer chooses instances of services. All methods may be called by any number of goroutines at once.
type Balancer struct {
	settings settings
	strategy strategy
	source   Source
	born     time.Time // times are kept as the time since then, by the monotonic clock
	tickets  sync.Pool // of *ticket

	services sync.Map // name to *Service

	mu      sync.Mutex // held to begin goroutines and to close
	closed  chan struct{}
	running sync.WaitGroup
}

// New returns a balancer over the source. A strategy that is not one of [Strategies], or a setting that makes no sense, is
// an error that matches [ErrInvalid]. It makes no call yet: a service is asked for when it is first used.
func New(strategy string, source Source, opts ...Option) (*Balancer, error) {
	chosen, err := strategyNamed(strategy)
	if err != nil {
		return nil, err
	}
	settings, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	return &Balancer{
		settings: settings, strategy: settings.adjust(chosen), source: source,
		born: time.Now(), closed: make(chan struct{}),
	}, nil
}

// NewLoadBalancer is [New] without options.
func NewLoadBalancer(strategy string, source Source) (*Balancer, error) { return New(strategy, source) }

// now is the time on the balancer's clock, which costs half of what [time.Now] does.
func (b *Balancer) now() time.Duration { return time.Since(b.born) }

// Service returns the handle of a service, always the same for a name. It makes no call yet.
func (b *Balancer) Service(name string) *Service {
	if s, ok := b.services.Load(name); ok {
		return s.(*Service)
	}
	s, _ := b.services.LoadOrStore(name, newService(b, name))
	return s.(*Service)
}

// SelectInstance chooses an instance, and counts nothing in flight. For errors see [Service.Acquire].
func (b *Balancer) SelectInstance(ctx context.Context, name string) (registry.Instance, error) {
	i, err := b.Service(name).selectInstance(ctx)
	if err != nil {
		return registry.Instance{}, err
	}
	return *i, nil
}

// Pick chooses an instance for a call, which ends when done is called with its error; a second time does nothing. For errors
// see [Service.Acquire].
func (b *Balancer) Pick(ctx context.Context, name string) (instance registry.Instance, done func(error), err error) {
	call, err := b.Service(name).Acquire(ctx, Query{})
	if err != nil {
		return registry.Instance{}, nil, err
	}
	return *call.Instance(), b.done(call), nil
}

// run starts the goroutines, unless the balancer is closed.
func (b *Balancer) run(tasks ...func()) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.closed:
		return false
	default:
	}
	for _, task := range tasks {
		b.running.Go(task)
	}
	return true
}

// Close ends all watches and returns when their goroutines have ended. Calls that were chosen may go on and end; nobody is
// chosen any more. It must not be called by a hook.
func (b *Balancer) Close() error {
	b.mu.Lock()
	select {
	case <-b.closed:
	default:
		close(b.closed)
	}
	b.mu.Unlock()
	for _, s := range b.services.Range {
		s.(*Service).close()
	}
	b.running.Wait()
	return nil
}

// close ends the watch of the service.
func (s *Service) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != nil {
		s.end(s.watch)
	}
}
