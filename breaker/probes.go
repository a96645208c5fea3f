package breaker

import (
	"slices"
	"time"
)

// probes are the calls that a half-open breaker has let in, each with a lease on its place. They are guarded by the
// breaker's mutex.
type probes struct {
	out               []probe // those it waits for
	places            int
	succeeded, failed int
	last              uint64 // the id that was given last
}

// probe is a call that a half-open breaker waits for.
type probe struct {
	id    uint64 // from 1
	until time.Duration
}

func newProbes(places int) probes { return probes{places: places} }

// expired counts those whose lease is over.
func (p *probes) expired(now time.Duration) (n int) {
	for _, probe := range p.out {
		if now >= probe.until {
			n++
		}
	}
	return n
}

// expire counts those whose lease is over as failed, frees their places, and tells whether there were any.
func (p *probes) expire(now time.Duration) bool {
	n := p.expired(now)
	p.failed += n
	p.out = slices.DeleteFunc(p.out, func(probe probe) bool { return now >= probe.until })
	return n > 0
}

// admit gives a place away, or returns 0 where none is free.
func (p *probes) admit(until time.Duration) (id uint64) {
	if len(p.out) == p.places {
		return 0
	}
	p.last++
	p.out = append(p.out, probe{id: p.last, until: until})
	return p.last
}

// end takes the place back and counts the outcome. It returns false where the probe has lost its place already.
func (p *probes) end(id uint64, o Outcome) bool {
	i := slices.IndexFunc(p.out, func(probe probe) bool { return probe.id == id })
	if i < 0 {
		return false
	}
	p.out = slices.Delete(p.out, i, i+1)
	switch o {
	case Success:
		p.succeeded++
	case Failure:
		p.failed++
	case Neutral:
	}
	return true
}
