package watch

import (
	"iter"

	"github.com/musterhq/muster/registry"
)

// events yields what the watcher lacks of the state, without saying where it is after that.
func (c *Cursor) events(state *registry.State) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		reset := c.forget || c.all && c.begun && c.position < state.Floor()
		switch {
		case reset && !yield(resetAt(state.Index())):
		case !c.all:
			c.named(state, yield)
		case reset:
			c.everything(state, yield)
		default:
			c.changed(state, yield)
		}
	}
}

// named tells of the services that are watched by name.
func (c *Cursor) named(state *registry.State, yield func(Event) bool) {
	for _, name := range c.services {
		if e, ok := c.one(state, name); ok && !yield(e) {
			return
		}
	}
}

func (c *Cursor) one(state *registry.State, name string) (Event, bool) {
	s := state.Service(name)
	if s == nil {
		s = state.Departed(name)
	}
	switch {
	case s != nil && c.begun:
		return c.teller.since(s, c.position)
	case s != nil:
		return c.teller.snapshot(s), true
	default: // Never there, or so long ago that the watcher may have it still.
		return absent(name, state.Index()), !c.begun || c.position < state.Floor()
	}
}

// everything tells of all services of which the query chooses anything, to a watcher that has none.
func (c *Cursor) everything(state *registry.State, yield func(Event) bool) {
	for s := range state.Services() {
		if c.teller.chooses(s) && !yield(c.teller.snapshot(s)) {
			return
		}
	}
}

// changed tells of all services that have changed since, those that are gone included.
func (c *Cursor) changed(state *registry.State, yield func(Event) bool) {
	for _, s := range state.ChangedSince(c.position) {
		if e, ok := c.teller.since(s, c.position); ok && !yield(e) {
			return
		}
	}
}
