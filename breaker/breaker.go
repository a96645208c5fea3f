package breaker

import (
	"sync"
	"sync/atomic"
	"time"
)

// Breaker stands between callers and what they call. All methods may be called by any number of goroutines at once, also
// from within a guarded function or a hook.
type Breaker struct {
	config    Config
	born      time.Time // times are kept as the time since then, by the monotonic clock
	readsTime bool      // whether the end of a call needs the clock

	period atomic.Pointer[period]
	mu     sync.Mutex // held to begin a period, and for what half-open periods count
	events events
}

// New returns a breaker that opens at threshold failures in a row, refuses calls for timeout, and then lets one probe in at
// a time, whose outcome closes it or opens it again. A threshold below 1 is 1; a timeout that is not positive is 30 s.
func New(threshold int, timeout time.Duration) *Breaker {
	return newBreaker(Config{
		ConsecutiveFailures: max(1, threshold),
		OpenFor:             min(max(0, timeout), longest),
	})
}

// NewWith returns a breaker of the configuration, or what [Config.Validate] says against it.
func NewWith(c Config) (*Breaker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return newBreaker(c), nil
}

func newBreaker(c Config) *Breaker {
	c = c.withDefaults()
	b := &Breaker{config: c, born: time.Now()}
	b.readsTime = c.SlowCall > 0 || c.hasRates() && c.Calls == 0
	b.events.hook = c.OnStateChange
	b.period.Store(b.closedPeriod(0, &period{}))
	return b
}

// now is the time on the breaker's clock, which costs half of what [time.Now] does.
func (b *Breaker) now() time.Duration { return time.Since(b.born) }

// Name is the name that the configuration gives it.
func (b *Breaker) Name() string { return b.config.Name }

// State tells the state. An open time that is over reads as half-open, whether or not anybody has called since.
func (b *Breaker) State() State {
	p := b.period.Load()
	if p.state == Open && b.over(p) {
		return HalfOpen
	}
	return p.state
}

// Ready tells whether a call would be let in now. It takes no place: others may be quicker.
func (b *Breaker) Ready() bool {
	p := b.period.Load()
	switch p.state {
	case Closed:
		return true
	case Open:
		return b.over(p)
	default:
		b.mu.Lock()
		defer b.mu.Unlock()
		expired := p.probes.expired(b.now())
		return p.probes.failed+expired < b.config.ProbesToOpen && len(p.probes.out)-expired < p.probes.places
	}
}

// over tells whether the open period p is. It looks at the clock only where it may be.
func (b *Breaker) over(p *period) bool { return p.ripe.Load() && b.now() >= p.until }

// Counts tells what the breaker knows of the calls of its present period.
func (b *Breaker) Counts() Counts {
	p := b.period.Load()
	if p.state != HalfOpen {
		return b.countsOf(p, b.now())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.countsOf(p, b.now())
}

func (b *Breaker) countsOf(p *period, now time.Duration) (c Counts) {
	if p.window != nil {
		c = p.window.counts(now)
	}
	c.InARow = int(p.inARow.Load())
	c.Probes, c.Succeeded, c.Failed = len(p.probes.out), p.probes.succeeded, p.probes.failed
	return c
}
