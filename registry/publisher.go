package registry

import "sync/atomic"

// Publisher is where the newest [State] is posted: by one writer, for any number of readers. A reader costs the writer
// nothing; those who wait cost it a wake-up each and can never hold it up.
type Publisher struct {
	state         atomic.Pointer[State]
	waiters       waiters
	subscriptions subscriptions
}

// NewPublisher returns a Publisher that begins with s.
func NewPublisher(s *State) *Publisher {
	p := &Publisher{}
	p.state.Store(s)
	return p
}

// State returns the newest State. It takes no lock.
func (p *Publisher) State() *State { return p.state.Load() }

// Publish makes next the newest State, and then wakes the subscriptions to the services in changed and the waiters at or
// below its index: whoever is woken finds what woke it. It is called by one goroutine at a time, with indexes that never
// go back.
func (p *Publisher) Publish(next *State, changed []string) {
	p.state.Store(next)
	p.subscriptions.wake(changed)
	p.waiters.release(next.Index())
}
