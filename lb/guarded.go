package lb

import "time"

// acquireGuarded is [Service.Acquire] where each instance has a circuit breaker. One that is half-open comes first: it has
// failed, and no strategy would choose it. One that refuses is passed over, as if it had been tried.
func (s *Service) acquireGuarded(set *set, view *view, q Query, now time.Duration) (Call, error) {
	if n := view.probe(); n != nil && !q.Tried.Has(n.id) && n.breaker.Ready() {
		if call, err := s.take(n, now); err == nil {
			return call, nil
		}
	}
	var refusal error
	for range redraws {
		n := view.pick(q.Key, q.Tried, now)
		if n == nil {
			break
		}
		call, err := s.take(n, now)
		if err == nil {
			return call, nil
		}
		refusal = err
		q.Tried = q.Tried.with(n.id)
	}
	for n := range view.all() {
		if q.Tried.Has(n.id) {
			continue
		}
		call, err := s.take(n, now)
		if err == nil {
			return call, nil
		}
		refusal = err
	}
	return Call{}, s.nobody(set, refusal)
}

// take begins a call to an instance, if its circuit breaker lets it.
func (s *Service) take(n *node, now time.Duration) (Call, error) {
	permit, err := n.breaker.Allow()
	if err != nil {
		return Call{}, err
	}
	if s.strategy.counts {
		s.begun(n)
	}
	return Call{service: s, node: n, instance: n.instance.Load(), start: now, permit: permit}, nil
}
