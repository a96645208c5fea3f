package breaker

import "time"

// Permit is the right to make one call, for callers to whom the end of a call is not the return of a function: a response
// whose body is read later, a stream. Its holder says once how the call ended, by Done or Report, which do nothing the
// second time. It belongs to one goroutine at a time and must not be copied once it is in use.
//
// A Permit of a half-open breaker is a lease: see ProbeLease of [Config].
type Permit struct {
	breaker *Breaker
	period  *period
	start   time.Duration // where slow calls matter
	probe   uint64        // where the period is half-open
}

// Allow asks for a call. Where it is refused the error is an [*OpenError], and there is nothing to report.
func (b *Breaker) Allow() (Permit, error) {
	p := b.period.Load()
	if p.state == Closed {
		return Permit{breaker: b, period: p, start: b.start()}, nil
	}
	if err := b.refusal(); err != nil {
		return Permit{}, err
	}
	return b.allowProbe()
}

// refusal is why no call is let in, where that is certain without a look at the clock: the breaker is open. Else it is nil.
func (b *Breaker) refusal() error {
	if p := b.period.Load(); p.state == Open && !p.ripe.Load() {
		return p.refusal
	}
	return nil
}

// start is when a call begins, where that matters.
func (b *Breaker) start() time.Duration {
	if b.config.SlowCall == 0 {
		return 0
	}
	return b.now()
}

// allowProbe is Allow where the breaker is half-open, or about to be.
func (b *Breaker) allowProbe() (Permit, error) {
	permit, err := b.takePlace()
	b.events.deliver()
	return permit, err
}

// takePlace turns first what the clock says is over: the open time, and leases.
func (b *Breaker) takePlace() (Permit, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, now := b.period.Load(), b.now()
	if p.state == Open && now >= p.until {
		p = b.begin(b.halfOpenPeriod(now, p), OpenTimeOver, Counts{})
	}
	if p.state == HalfOpen && p.probes.expire(now) {
		p = b.judgeProbes(p, now, LeaseOver)
	}
	switch p.state {
	case Closed: // it was closed meanwhile
		return Permit{breaker: b, period: p, start: now}, nil
	case HalfOpen:
		if id := p.probes.admit(now + b.config.ProbeLease); id != 0 {
			return Permit{breaker: b, period: p, start: now, probe: id}, nil
		}
	case Open:
	}
	return Permit{}, p.refusal
}

// Done ends the call with its error. nil is a success; what an error means the breaker's classifier says. See Report.
func (p *Permit) Done(err error) (counted bool) {
	if p.breaker == nil {
		return false
	}
	o := Success
	if err != nil {
		o = p.breaker.config.Classify(err)
	}
	return p.breaker.settle(p, o)
}

// Report ends the call with an outcome that the caller has judged himself; [Neutral] gives up a call that was not made.
// It returns false where the result came too late to count: the breaker has changed its state since, or the probe's lease
// is over.
func (p *Permit) Report(o Outcome) (counted bool) {
	if p.breaker == nil {
		return false
	}
	return p.breaker.settle(p, o)
}
