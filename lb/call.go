package lb

import (
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/registry"
)

// Call is an instance that was chosen for a call. It is a value that belongs to one goroutine at a time and must not be
// copied once it is in use.
type Call struct {
	service  *Service
	node     *node // nil when it has ended
	instance *registry.Instance
	start    time.Duration
	permit   breaker.Permit
}

// Instance is the one to call. It is shared and must not be changed.
func (c *Call) Instance() *registry.Instance { return c.instance }

// Done ends the call and says how it went. The second does nothing.
func (c *Call) Done(o Outcome) {
	n := c.node
	if n == nil {
		return
	}
	c.node = nil
	s := c.service
	if s.strategy.counts {
		n.inFlight.Add(-1)
		if s.strategy.totals {
			s.inFlight.n.Add(-1)
		}
	}
	if s.learns {
		c.settle(n, &o)
	}
}

// settle hands the outcome to all that learn from it.
func (c *Call) settle(n *node, o *Outcome) {
	s := c.service
	v := o.verdict(s.settings.classify)
	row := n.inARow(v)
	if s.strategy.measures {
		now := s.balancer.now()
		n.learn(now, now-c.start, s.strategy.decay, v, s.strategy.peak)
		if o.Load != (Load{}) {
			n.noteLoad(now, o.Load)
		}
	}
	if s.settings.ejection != nil {
		s.count(n, v, row)
	}
	if n.breaker != nil {
		c.permit.Report(v.breaker())
	}
}
