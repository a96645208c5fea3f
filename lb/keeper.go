package lb

import (
	"context"
	"time"

	"github.com/musterhq/muster/breaker"
)

// keep does what is due by the clock or by the ends of calls: ejections, slow starts, circuit breakers, and the end of the
// watch when nobody has used the service for long. It also tells the events, so that no caller waits for a hook.
func (s *Service) keep(ctx context.Context, w *watch) {
	idle := s.balancer.now() + s.settings.idle
	timer := time.NewTimer(s.settings.idle)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.woken:
		case <-timer.C:
		}
		now := s.balancer.now()
		if now >= idle {
			if s.unused(w) {
				return
			}
			idle = now + s.settings.idle
		}
		events, due := s.look(w)
		for _, e := range events {
			s.tell(e)
		}
		timer.Reset(max(0, min(idle, due)-s.balancer.now()))
	}
}

// look works out the set anew, and returns what there is to tell and when to look again.
func (s *Service) look(w *watch) (events []Event, due time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.balancer.now()
	if w.known && s.watch == w { // else it has ended, and nobody is to be chosen any more
		s.rebuild(w, now)
	}
	events, w.events = w.events, nil
	return events, s.due(w, now)
}

func (s *Service) tell(e Event) {
	if s.settings.onChange != nil {
		s.settings.onChange(e)
	}
}

// due is when the clock changes something next.
func (s *Service) due(w *watch, now time.Duration) time.Duration {
	due := time.Duration(1<<63 - 1)
	if s.settings.ejection != nil {
		due = w.intervalEnds
	}
	for _, n := range w.members {
		if n.ejected {
			due = min(due, n.ejectedUntil)
		}
		if now < n.warm {
			due = min(due, n.warm, now+max(s.settings.slowStart/warmSteps, time.Millisecond))
		}
	}
	return due
}

// wake has the keeper look soon.
func (s *Service) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watch != nil {
		s.wakeKeeper(s.watch)
	}
}

func (s *Service) wakeKeeper(w *watch) {
	select {
	case w.woken <- struct{}{}:
	default: // It is about to look, and will see this too.
	}
}

// unused ends the watch if nobody has used the service since it was asked last.
func (s *Service) unused(w *watch) bool {
	if s.used.Swap(false) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(w)
	return true
}

// breakerMoved has the keeper work out the set without the instance, or with it.
func (s *Service) breakerMoved(n *node, e breaker.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.watch
	if w == nil || w.nodes[n.id] != n {
		return
	}
	event := s.event(BreakerMoved, n.id, e.To.String())
	event.For = e.OpenFor
	w.tell(event)
	s.wakeKeeper(w)
}

func (s *Service) event(kind Kind, instance, reason string) Event {
	return Event{Kind: kind, Service: s.name, Instance: instance, Reason: reason, At: time.Now()}
}
