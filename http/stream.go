package http

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	nethttp "net/http"
	"time"

	"github.com/musterhq/muster/internal/roster"
	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// beatsPerBookmark is how often a stream looks around from one bookmark to the next.
const beatsPerBookmark = 3

// stream is one watch under way. It runs on the goroutine of its request and has nothing in store: what a reader has not
// taken yet is worked out when it can take it.
type stream struct {
	api     *api
	asked   watching
	changes *registry.Subscription
	cursor  *watch.Cursor
	floor   uint64        // of the history, when it was last looked at
	member  *roster.Watch // nil where the watch does not acknowledge

	to      *answer
	control *nethttp.ResponseController
	head    []byte // what stands before the data of an event
}

// newStream enters the watch wherever it has to be known, before it looks at any state.
func (a *api) newStream(w *answer, asked watching) (*stream, error) {
	s := &stream{
		api: a, asked: asked, to: w, control: nethttp.NewResponseController(w),
		cursor: watch.New(asked.selection), floor: a.node.State().Floor(),
	}
	if asked.resumes {
		s.cursor = watch.Resume(asked.selection, asked.position)
	}
	if asked.name != "" {
		member, err := a.node.Roster().Join(asked.name, asked.selection.Services...)
		if err != nil {
			return nil, err
		}
		s.member = member
	}
	if asked.selection.All {
		s.changes = a.node.SubscribeAll()
	} else {
		s.changes = a.node.Subscribe(asked.selection.Services...)
	}
	a.metrics.streams.Inc()
	return s, nil
}

func (s *stream) close() {
	s.api.metrics.streams.Dec()
	s.changes.Close()
	if s.member != nil {
		s.member.Leave()
	}
}

// run writes until the caller goes away or the server stops.
func (s *stream) run(ctx context.Context) {
	ctx, forget := s.api.closing.context(ctx)
	defer forget()
	// A slow reader may take as long as it likes, since it holds up nobody; but when the server stops, only a moment more.
	// Writers that are no connections, as in tests, have no deadline to move.
	_ = s.control.SetWriteDeadline(time.Time{})
	defer s.api.closing.after(func() { _ = s.control.SetWriteDeadline(time.Now().Add(farewell)) })()

	if s.begin(ctx) != nil {
		return
	}
	s.follow(ctx)
}

// begin writes what comes before everything else, and lets a position that is ahead of this node come true.
func (s *stream) begin(ctx context.Context) error {
	if s.member != nil {
		if err := s.write(hello(s.member.ID())); err != nil {
			return err
		}
	}
	if s.api.node.State().Index() >= s.asked.position {
		return nil // what was written goes with the first set
	}
	if err := s.control.Flush(); err != nil {
		return err
	}
	foreign, err := s.api.foreign(ctx, s.asked.position)
	if foreign {
		s.cursor.Restart()
	}
	return err
}

// hello tells an acknowledging watch its id.
func hello(id string) watch.Event {
	data, _ := json.Marshal(wire.Hello{Watch: id}) // a string can't fail
	return watch.Event{Kind: wire.EventHello, Data: data}
}

// follow brings the reader to each new state. It returns when that can't go on.
func (s *stream) follow(ctx context.Context) {
	heart := time.NewTicker((bookmarkInterval - time.Second - rand.N(2*time.Second)) / beatsPerBookmark)
	defer heart.Stop()
	var nudged <-chan struct{}
	if s.member != nil {
		nudged = s.member.Nudge()
	}
	var pace pace
	for beats, bookmark := 0, false; s.advance(bookmark) == nil; {
		bookmark = false
		select {
		case <-s.changes.C():
			pace.wait(ctx)
		case <-heart.C:
			beats++
			bookmark = beats%beatsPerBookmark == 0
		case <-nudged:
			bookmark = true
		case <-ctx.Done():
			return
		}
	}
}
