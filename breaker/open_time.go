package breaker

import (
	"math"
	"math/rand/v2"
	"time"
)

// openTime is how long the breaker stays open when it has opened so many times in a row, this time included.
func (c Config) openTime(opening int) time.Duration {
	grown := float64(c.OpenFor) * math.Pow(c.Growth, float64(opening-1)) // +Inf at worst
	d := min(grown, float64(c.MaxOpenFor))
	d *= 1 + c.Jitter*(2*rand.Float64()-1)
	return max(1, time.Duration(d))
}

// early is how long before the end of an open time the calls begin to look at the clock. Until then they need not: a
// timer tells them when, and if it is late by less than this, nobody notices.
func early(open time.Duration) time.Duration { return min(open/8, 100*time.Millisecond) }

// setTimer makes the open period p end by itself, also where nobody calls. The caller holds the mutex.
func (b *Breaker) setTimer(p *period) {
	open := p.until - p.since
	p.timer = time.AfterFunc(open-early(open), func() { b.ripen(p) })
}

// ripen is what the timer of p does: first it has the calls look at the clock, then it ends the period.
func (b *Breaker) ripen(p *period) {
	p.ripe.Store(true)
	b.mu.Lock()
	if b.period.Load() == p {
		if now := b.now(); now < p.until {
			p.timer.Reset(p.until - now)
		} else {
			b.begin(b.halfOpenPeriod(now, p), OpenTimeOver, Counts{})
		}
	}
	b.mu.Unlock()
	b.events.deliver()
}
