package watch

import (
	"iter"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Cursor is how far a watcher has got. It is for one goroutine.
type Cursor struct {
	all      bool
	services []string
	teller   teller

	position uint64
	begun    bool // the watcher has been told something, or comes with a position
	silent   bool // nothing has been said yet
	forget   bool // what the watcher has is to be forgotten
}

// New returns the cursor of a watcher that has nothing yet.
func New(s Selection) *Cursor {
	s = s.normalize()
	return &Cursor{
		all: s.All, services: s.Services, teller: teller{query: s.Query, key: canonical(s.Query)},
		silent: true, forget: s.All,
	}
}

// Resume returns the cursor of a watcher that has what the selection showed at the position. That must not be beyond the
// states that the cursor will be shown.
func Resume(s Selection, position uint64) *Cursor {
	c := New(s)
	c.position, c.begun, c.forget = position, true, false
	return c
}

// Restart lets the watcher forget what it has and begin anew: its position belongs to another history.
func (c *Cursor) Restart() { c.position, c.begun, c.silent, c.forget = 0, false, true, true }

// Repeat has the watcher told everything that it watches once more: what it was told may be wrong.
func (c *Cursor) Repeat() { c.begun, c.forget = false, c.all }

// Position returns the index of a state of which the watcher has all that it watches.
func (c *Cursor) Position() uint64 { return c.position }

// Advance yields what brings the watcher from its position to the state: all of it from this one state, and with its index
// as the id of the last event only, so that no watcher ever resumes in the middle. Where there is nothing to tell it yields
// nothing, but for the first time: then a bookmark, with the age of the state.
//
// Who does not take all of it is done with the cursor: the watcher resumes with the id that it has.
func (c *Cursor) Advance(state *registry.State, age time.Duration) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		var last *Event
		for e := range c.events(state) {
			if last != nil && !yield(*last) {
				return
			}
			last = &e
		}
		silent := c.silent
		c.position, c.begun, c.silent, c.forget = max(c.position, state.Index()), true, false, false
		switch {
		case last == nil && !silent:
		case last == nil:
			yield(bookmark(c.position, age))
		case last.Kind == wire.EventReset: // of which nothing follows
			_ = yield(*last) && yield(bookmark(c.position, age))
		default:
			last.Last, last.ID = true, c.position
			yield(*last)
		}
	}
}

// Bookmark returns an event that brings the watcher's position to the index: that of the state that it was advanced to last,
// or a later one before which nothing changed of what it watches.
func (c *Cursor) Bookmark(index uint64, age time.Duration) Event {
	c.position = max(c.position, index)
	return bookmark(c.position, age)
}
