package registry

import "sync"

// Subscription is woken when one of its services changes. It is level-triggered: C holds one wake-up at most, however many
// changes there were, and who receives it reads [Publisher.State] for how things are now.
type Subscription struct {
	services []string
	all      bool // instead of services
	c        chan struct{}
	owner    *subscriptions
}

// Subscribe begins a subscription to the services, which need not be there yet. Read State after it and not before, so
// that no change falls in between. Whoever subscribes must Close.
func (p *Publisher) Subscribe(services ...string) *Subscription {
	return p.subscriptions.add(&Subscription{services: services})
}

// SubscribeAll begins a subscription to every service, also to those that are still to come.
func (p *Publisher) SubscribeAll() *Subscription {
	return p.subscriptions.add(&Subscription{all: true})
}

// C returns the channel of the wake-ups. It is never closed.
func (s *Subscription) C() <-chan struct{} { return s.c }

// Close ends the subscription and leaves nothing of it behind. It may be called more than once.
func (s *Subscription) Close() { s.owner.remove(s) }

func (s *Subscription) wake() {
	select {
	case s.c <- struct{}{}:
	default: // One is there already, and covers this change too.
	}
}

// subscriptions are those who are to be woken, by what they watch. The lock is held while they are woken, which takes as
// long as there are subscriptions to what changed, and never by a reader of the State.
type subscriptions struct {
	mu        sync.Mutex
	all       subscriptionSet
	byService map[string]subscriptionSet
}

func (s *subscriptions) add(sub *Subscription) *Subscription {
	sub.owner = s
	sub.c = make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.all {
		s.all = s.all.with(sub)
		return sub
	}
	if s.byService == nil {
		s.byService = map[string]subscriptionSet{}
	}
	for _, name := range sub.services {
		s.byService[name] = s.byService[name].with(sub)
	}
	return sub
}

func (s *subscriptions) remove(sub *Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sub)
	for _, name := range sub.services {
		set := s.byService[name]
		if delete(set, sub); len(set) == 0 {
			delete(s.byService, name)
		}
	}
}

func (s *subscriptions) wake(changed []string) {
	if len(changed) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all.wake()
	for _, name := range changed {
		s.byService[name].wake()
	}
}

type subscriptionSet map[*Subscription]struct{}

// with returns the set with sub in it; the nil set becomes one.
func (set subscriptionSet) with(sub *Subscription) subscriptionSet {
	if set == nil {
		set = subscriptionSet{}
	}
	set[sub] = struct{}{}
	return set
}

func (set subscriptionSet) wake() {
	for sub := range set {
		sub.wake()
	}
}
