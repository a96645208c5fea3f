package lb

import (
	"maps"
	"slices"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/registry"
)

// State says whether an instance may be chosen.
type State string

// The states of an [Endpoint].
const (
	Ready     State = "ready"
	SlowStart State = "slow start" // ready, with less than its share
	Ejected   State = "ejected"    // it did worse than the others, and is left out for a while
	Open      State = "open"       // its circuit breaker is
	HalfOpen  State = "half-open"  // its circuit breaker lets a few calls through
	Away      State = "away"       // healthy, and not of the subset
)

// Endpoint is what a balancer knows of an instance.
type Endpoint struct {
	ID       string
	Instance *registry.Instance // shared: do not change it
	State    State
	InFlight int           // calls that have not ended, where the strategy counts them
	Latency  time.Duration // moving average, where the strategy measures it; 0: nothing is known
	Success  float64       // moving average of the share of calls that succeeded, where the strategy keeps it; else 1
	InARow   int           // failures since the last success, with a circuit breaker, ejection, or where the strategy keeps it
	Weight   float64       // as it counts now: that of the instance, in a slow start a part of it
}

// Endpoints tells what is known of each healthy instance now, in the order of their ids. A service that is not in use has
// none. It is meant for pages, metrics and tests.
func (s *Service) Endpoints() []Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch == nil {
		return nil
	}
	now := s.balancer.now()
	chosen := make(map[*node]bool, len(s.watch.members))
	for _, n := range s.watch.members {
		chosen[n] = true
	}
	var endpoints []Endpoint
	for _, id := range slices.Sorted(maps.Keys(s.watch.nodes)) {
		if n := s.watch.nodes[id]; n.healthy {
			endpoints = append(endpoints, n.endpoint(now, chosen[n]))
		}
	}
	return endpoints
}

func (n *node) endpoint(now time.Duration, chosen bool) Endpoint {
	m := unpack(n.mean.Load())
	return Endpoint{
		ID: n.id, Instance: n.instance.Load(), State: n.state(now, chosen), InFlight: int(n.flights.inFlight()),
		Latency: time.Duration(float64(m.latency) * float64(time.Second)), Success: float64(m.success),
		InARow: int(n.row.Load()), Weight: n.shareNow(),
	}
}

func (n *node) state(now time.Duration, chosen bool) State {
	switch {
	case !chosen:
		return Away
	case n.ejected:
		return Ejected
	case n.breaker != nil && n.breaker.State() == breaker.Open:
		return Open
	case n.breaker != nil && n.breaker.State() == breaker.HalfOpen:
		return HalfOpen
	case now < n.warm:
		return SlowStart
	default:
		return Ready
	}
}
