package lb

import (
	"time"

	"github.com/musterhq/muster/breaker"
)

// acquireGuarded is [Service.Acquire] where each instance has a circuit breaker. One that is half-open comes first: it has
// failed, and no strategy would choose it. One that refuses is passed over, as if it had been tried.
func (s *Service) acquireGuarded(set *set, view *view, q *Query, now time.Duration) (Call, error) {
	if n := view.probe(); n != nil && !q.Tried.Has(n.id) && n.breaker.Ready() {
		if call, err := s.take(n, q, now); err == nil {
			return call, nil
		}
	}
	var refusal error
	tried := q.Tried
	for range redraws {
		n := view.pick(q.Key, tried, now)
		if n == nil {
			break
		}
		call, err := s.take(n, q, now)
		if err == nil {
			return call, nil
		}
		refusal = err
		tried = tried.with(n.id)
	}
	for n := range view.all() {
		if tried.Has(n.id) {
			continue
		}
		call, err := s.take(n, q, now)
		if err == nil {
			return call, nil
		}
		refusal = err
	}
	return Call{}, s.nobody(set, refusal)
}

// take begins a call to an instance, if its circuit breaker lets it.
func (s *Service) take(n *node, q *Query, now time.Duration) (Call, error) {
	allowed, err := n.breaker.Allow()
	if err != nil {
		return Call{}, err
	}
	permit := s.permits.Get().(*breaker.Permit)
	*permit = allowed
	return s.call(n, q.Stream, now, permit), nil
}
