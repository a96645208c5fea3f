package lb

import (
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/registry"
)

// Call is an instance that was chosen for a call. It is a value that belongs to one goroutine at a time and must not be
// copied once it is in use.
//
// It is small enough to be handed over in registers. Writing more to memory, to be copied from there at once, would cost more
// than taking turns does.
type Call struct {
	service *Service
	node    *node
	clock   clock
	permit  *breaker.Permit // nil where there is no circuit breaker
}

// Instance is the one to call. It is shared and must not be changed.
func (c *Call) Instance() *registry.Instance { return c.node.instance.Load() }

// Answered says that the instance has begun to answer, such as when the headers of a response are there: its latency is the
// time until now, and not the time until the call ends. It is for answers that take their time to be read, and may be left
// out. What the answer is worth is said by Done, and latency counts then.
func (c *Call) Answered() {
	if c.clock <= ended {
		return
	}
	n, s := c.node, c.service
	var now time.Duration
	if s.strategy.measures {
		now = s.balancer.now()
		n.silent.Store(int64(now))
	}
	if s.strategy.counts {
		n.flights.word.Add(answered - unanswered)
	}
	c.clock = c.clock.answeredAt(now)
}

// Done ends the call and says how it went. The second does nothing.
func (c *Call) Done(o Outcome) {
	if c.clock != ended {
		c.land(&o)
	}
}

// call makes a call to a node, and counts it in flight.
func (s *Service) call(n *node, stream bool, now time.Duration, permit *breaker.Permit) Call {
	c := Call{service: s, node: n, clock: startedAt(now), permit: permit}
	flight := int64(unanswered)
	if stream {
		c.clock, flight = endless, answered
	}
	if !s.strategy.counts {
		return c
	}
	first := n.flights.word.Add(flight)>>32 == 1 && !stream
	if first && s.strategy.measures { // Who looks at no clock is spared the store: it takes as long as counting does.
		n.silent.Store(int64(now))
	}
	if s.strategy.totals {
		s.inFlight.n.Add(1)
	}
	return c
}

// land is Done of a call that has not ended.
func (c *Call) land(o *Outcome) {
	s, n, clock := c.service, c.node, c.clock
	c.clock = ended
	if s.strategy.counts {
		n.flights.word.Add(-clock.flight())
		if s.strategy.totals {
			s.inFlight.n.Add(-1)
		}
	}
	if !s.learns {
		return
	}
	v := o.verdict(s.settings.classify)
	row := n.inARow(v)
	if s.strategy.measures {
		now := s.balancer.now()
		if clock > ended {
			n.silent.Store(int64(now))
		}
		n.learn(now, clock.took(now), &s.strategy, v)
		if v != Failure && o.Load.says() { // one that fails at once would seem to have nothing to do
			n.noteLoad(now, o.Load)
		}
	}
	if s.settings.ejection != nil {
		s.count(n, v, row)
	}
	if c.permit != nil {
		c.permit.Report(v.breaker())
		s.permits.Put(c.permit)
		c.permit = nil
	}
}
