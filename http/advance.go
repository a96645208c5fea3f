package http

import (
	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// advance brings the reader to the newest state. A bookmark tells how far that is where nothing else does. While the state is
// known for wrong the reader is told nothing: what takes its place is told whole, and who were sent elsewhere meanwhile would
// never learn that what they had was wrong.
func (s *stream) advance(bookmark bool) error {
	age, _ := s.api.node.Freshness() // before the state, which is at least as new as the age says
	state := s.api.node.State()
	if s.api.node.Sound() != nil {
		return nil
	}
	s.mistrust(state)
	var last wire.EventKind
	for e := range s.cursor.Advance(state, age) {
		if err := s.write(e); err != nil {
			return err
		}
		last = e.Kind
	}
	if bookmark && last != wire.EventBookmark {
		last = wire.EventBookmark
		if err := s.write(s.cursor.Bookmark(state.Index(), age)); err != nil {
			return err
		}
	}
	if last == "" {
		return nil
	}
	return s.control.Flush()
}

// mistrust lets the reader be told everything once more where the state was replaced at the index that the reader is at or at a
// later one, as a node does with one that turned out wrong: what the reader was told of it may be wrong too, and a service
// that has not changed since would not be spoken of.
func (s *stream) mistrust(state *registry.State) {
	if floor := state.Floor(); floor > s.floor {
		if floor >= s.cursor.Position() {
			s.cursor.Repeat()
		}
		s.floor = floor
	}
}

// write writes one event, for as long as the reader needs to take it.
func (s *stream) write(e watch.Event) error {
	if s.member != nil && e.Last {
		s.member.Sent(e.ID)
	}
	var end string
	s.head, end = s.asked.form.frame(s.head[:0], e)
	for _, part := range [][]byte{s.head, e.Data, []byte(end)} {
		if _, err := s.to.Write(part); err != nil {
			return err
		}
	}
	s.api.metrics.events.WithLabelValues(string(e.Kind)).Inc()
	return nil
}
