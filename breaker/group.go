package breaker

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Key names a breaker of a [Group]: that of an instance or, where Instance is empty, of its whole service.
type Key struct{ Service, Instance string }

// String is "payments" or "payments/p1". It is the name of the breaker.
func (k Key) String() string {
	if k.Instance == "" {
		return k.Service
	}
	return k.Service + "/" + k.Instance
}

// GroupConfig says what the breakers of a [Group] are like. Their names are those of their keys.
type GroupConfig struct {
	// Instance is for the breaker of each instance: one that fails is avoided, and the others go on.
	Instance Config

	// Service is for the breaker of each service as a whole. It should take more to open than that of an instance: it turns
	// one bad instance into an outage if it can open for that alone.
	Service Config

	// Idle is how long nobody must have asked for a breaker before the group may drop it, so that instances that are gone
	// take no memory. Too short a time forgets what is still of use: it should be longer than any open time. 0 is 10 min.
	Idle time.Duration
}

// DefaultGroupConfig has [DefaultConfig] for instances. A service's breaker opens when nine calls of ten fail, of at least
// a hundred in 10 s, for no longer than 10 s.
func DefaultGroupConfig() GroupConfig {
	service := DefaultConfig()
	service.ConsecutiveFailures = 0
	service.FailureRate = 0.9
	service.MinCalls = 100
	service.OpenFor, service.MaxOpenFor = 5*time.Second, 10*time.Second
	return GroupConfig{Instance: DefaultConfig(), Service: service, Idle: usualIdle}
}

const usualIdle = 10 * time.Minute

// Validate tells what is wrong with the configuration. Each error matches [ErrInvalid].
func (c GroupConfig) Validate() error {
	var errs []error
	if err := c.Instance.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("of an instance: %w", err))
	}
	if err := c.Service.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("of a service: %w", err))
	}
	if c.Idle < 0 {
		errs = append(errs, invalid("Idle", "is %v: use 0 for %v", c.Idle, usualIdle))
	}
	return errors.Join(errs...)
}

// Group has one breaker for every instance and every service that it is asked for. It keeps no goroutine: what is idle is
// dropped when something new comes. All methods may be called by any number of goroutines at once.
type Group struct {
	config GroupConfig

	mu      sync.RWMutex
	members map[Key]*member
	swept   time.Time // when the idle ones were dropped last
}

// member is a breaker and whether it was asked for since the last sweep.
type member struct {
	breaker *Breaker
	asked   atomic.Bool
}

// NewGroup returns a group without breakers, or what [GroupConfig.Validate] says against the configuration.
func NewGroup(c GroupConfig) (*Group, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.Idle = cmp.Or(c.Idle, usualIdle)
	return &Group{config: c, members: map[Key]*member{}, swept: time.Now()}, nil
}

// Instance returns the breaker of an instance. Ask at each call: a breaker that is held on to, and not asked for, may be
// dropped and another one given to the next who asks.
func (g *Group) Instance(service, id string) *Breaker {
	return g.get(Key{Service: service, Instance: id})
}

// Service returns the breaker of a service as a whole, under the same terms.
func (g *Group) Service(service string) *Breaker {
	return g.get(Key{Service: service})
}

func (g *Group) get(key Key) *Breaker {
	g.mu.RLock()
	m := g.members[key]
	g.mu.RUnlock()
	if m == nil {
		m = g.add(key)
	}
	if !m.asked.Load() {
		m.asked.Store(true)
	}
	return m.breaker
}

func (g *Group) add(key Key) *member {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m := g.members[key]; m != nil {
		return m
	}
	g.sweep(time.Now())
	c := g.config.Instance
	if key.Instance == "" {
		c = g.config.Service
	}
	c.Name = key.String()
	m := &member{breaker: newBreaker(c)}
	g.members[key] = m
	return m
}

// sweep drops who was not asked for since the last sweep, which was long enough ago.
func (g *Group) sweep(now time.Time) {
	if now.Sub(g.swept) < g.config.Idle {
		return
	}
	g.swept = now
	maps.DeleteFunc(g.members, func(_ Key, m *member) bool { return !m.asked.Swap(false) })
}

// Forget drops a breaker at once: the instance is gone, or is another one now under the same id.
func (g *Group) Forget(key Key) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.members, key)
}

// Len is how many breakers there are.
func (g *Group) Len() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.members)
}

// All yields the breakers there are at the beginning, in no order. It holds no lock meanwhile.
func (g *Group) All() iter.Seq2[Key, *Breaker] {
	return func(yield func(Key, *Breaker) bool) {
		g.mu.RLock()
		members := maps.Clone(g.members)
		g.mu.RUnlock()
		for key, m := range members {
			if !yield(key, m.breaker) {
				return
			}
		}
	}
}
