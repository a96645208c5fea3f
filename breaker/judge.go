package breaker

import "time"

// settle takes a permit back, with the outcome of its call, and tells whether that counts. In a closed period it adds the
// outcome and opens the breaker where that is reason enough. All successful calls come along here.
func (b *Breaker) settle(permit *Permit, o Outcome) bool {
	permit.breaker = nil
	p := permit.period
	if p.state == HalfOpen {
		return b.endProbe(permit, o)
	}
	if current := b.period.Load() == p; !current || o == Neutral {
		return current
	}
	var now time.Duration
	if b.readsTime {
		now = b.now()
	}
	r := b.resultOf(o, permit.start, now)
	if p.window != nil {
		p.window.record(now, r)
	}
	if r&failed != 0 {
		p.inARow.Add(1)
	} else if p.inARow.Load() != 0 { // many readers do each other no harm, writers do
		p.inARow.Store(0)
	}
	if r != 0 {
		b.judge(p, now)
	}
	return true
}

// resultOf is what a window remembers of a call with this outcome that began at start.
func (b *Breaker) resultOf(o Outcome, start, now time.Duration) (r result) {
	if o == Failure {
		r |= failed
	}
	if b.config.SlowCall > 0 && now-start >= b.config.SlowCall {
		r |= slow
	}
	return r
}

// judge opens the breaker if there is a reason in the closed period p. Only a call that failed or was slow can bring one.
func (b *Breaker) judge(p *period, now time.Duration) {
	counts := b.countsOf(p, now)
	reason, found := b.reasonToOpen(counts)
	if !found {
		return
	}
	b.mu.Lock()
	if b.period.Load() == p {
		now = b.now()
		b.begin(b.openPeriod(now, p.openingAfter(now)), reason, counts)
	}
	b.mu.Unlock()
	b.events.deliver()
}

func (b *Breaker) reasonToOpen(counts Counts) (Reason, bool) {
	c := &b.config
	enough := c.hasRates() && counts.Calls >= c.MinCalls
	switch {
	case c.ConsecutiveFailures > 0 && counts.InARow >= c.ConsecutiveFailures:
		return FailuresInARow, true
	case enough && c.FailureRate > 0 && share(counts.Failures, counts.Calls) >= c.FailureRate:
		return TooManyFailures, true
	case enough && c.SlowRate > 0 && share(counts.Slow, counts.Calls) >= c.SlowRate:
		return TooManySlow, true
	default:
		return "", false
	}
}

func share(part, of int) float64 { return float64(part) / float64(of) }

// endProbe takes the place of a probe back, and closes or opens the breaker where that is the verdict.
func (b *Breaker) endProbe(permit *Permit, o Outcome) bool {
	b.mu.Lock()
	counted := b.countProbe(permit, o)
	b.mu.Unlock()
	b.events.deliver()
	return counted
}

func (b *Breaker) countProbe(permit *Permit, o Outcome) bool {
	p, now := permit.period, b.now()
	if b.period.Load() != p {
		return false
	}
	if p.probes.expire(now) && b.judgeProbes(p, now, LeaseOver) != p {
		return false
	}
	if o == Success && b.resultOf(o, permit.start, now) != 0 {
		o = Failure // it answers, but no sooner than when the breaker opened for it
	}
	counted := p.probes.end(permit.probe, o)
	b.judgeProbes(p, now, ProbesFailed)
	return counted
}

// judgeProbes begins the period that the ended probes of p ask for, and returns the one that stands then. The caller holds
// the mutex.
func (b *Breaker) judgeProbes(p *period, now time.Duration, ifFailed Reason) *period {
	switch counts := b.countsOf(p, now); {
	case p.probes.failed >= b.config.ProbesToOpen:
		return b.begin(b.openPeriod(now, p.opening+1), ifFailed, counts)
	case p.probes.succeeded >= b.config.ProbesToClose:
		return b.begin(b.closedPeriod(now, p), ProbesSucceeded, counts)
	default:
		return p
	}
}

// begin ends the present period and begins next. The caller holds the mutex, and delivers the event when he has let it go.
func (b *Breaker) begin(next *period, reason Reason, counts Counts) *period {
	last := b.period.Load()
	if last.timer != nil {
		last.timer.Stop()
	}
	if next.state == Open {
		b.setTimer(next)
	}
	b.period.Store(next)
	b.events.add(Event{
		Name: b.config.Name, From: last.state, To: next.state, Reason: reason, Counts: counts,
		At: b.born.Add(next.since), OpenFor: max(0, next.until-next.since),
	})
	return next
}
