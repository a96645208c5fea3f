package breaker

import (
	"sync/atomic"
	"time"
)

// period is a stretch of a breaker's life in one state. A call belongs to the period that let it in, and its result goes
// there: what comes after the period's end finds it gone and changes nothing.
//
// The fields for all states never change. Which of the others are used depends on the state.
type period struct {
	state   State
	since   time.Duration
	opening int           // how often the breaker has opened in a row, this time included
	wasOpen time.Duration // the open time that is set or was served last
	refusal error         // for calls that are not let in; an *OpenError

	// Closed.
	window window       // nil where no rate is a reason to open
	inARow atomic.Int64 // failures since the last success

	// Open.
	until time.Duration
	ripe  atomic.Bool // it is nearly over: look at the clock
	timer *time.Timer // guarded by the breaker's mutex; nil before it is set

	// Half-open.
	probes probes // guarded by the breaker's mutex
}

// closedPeriod begins with nothing remembered but how often the breaker has opened, in case that this period is short.
func (b *Breaker) closedPeriod(now time.Duration, after *period) *period {
	return &period{
		state: Closed, since: now, opening: after.opening, wasOpen: after.wasOpen,
		window: newWindow(b.config),
	}
}

func (b *Breaker) openPeriod(now time.Duration, opening int) *period {
	d := b.config.openTime(opening)
	return &period{
		state: Open, since: now, opening: opening, wasOpen: d,
		until:   now + d,
		refusal: &OpenError{Name: b.config.Name, State: Open, Until: b.born.Add(now + d)},
	}
}

func (b *Breaker) halfOpenPeriod(now time.Duration, after *period) *period {
	return &period{
		state: HalfOpen, since: now, opening: after.opening, wasOpen: after.wasOpen,
		probes:  newProbes(b.config.Probes),
		refusal: &OpenError{Name: b.config.Name, State: HalfOpen},
	}
}

// openingAfter counts the opening that ends the closed period p now: it is the next of a row, or a new row's first where
// the callee was well for as long as the breaker had been open.
func (p *period) openingAfter(now time.Duration) int {
	if now-p.since >= p.wasOpen {
		return 1
	}
	return p.opening + 1
}
