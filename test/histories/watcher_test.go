package histories

import (
	"encoding/json"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// world is what a watcher sees: the instances of each service that has any, by their ids.
type world map[string]map[string]sight

// sight is what it sees of an instance. Outputs are not a part of it: of their change nobody is told.
type sight struct {
	ModifyIndex uint64
	Status      registry.Status
	Port        int
}

func (w world) add(service string, instances []*registry.Instance) {
	for _, i := range instances {
		if w[service] == nil {
			w[service] = map[string]sight{}
		}
		w[service][i.ID] = sight{i.ModifyIndex, i.Status, i.Port}
	}
}

// project is what there is to see of a state.
func project(state *registry.State, s watch.Selection) world {
	w := world{}
	for service := range state.Services() {
		for _, name := range s.Services {
			if name == service.Name() {
				w.add(name, service.Select(s.Query))
			}
		}
		if s.All {
			w.add(service.Name(), service.Select(s.Query))
		}
	}
	return w
}

// watcher applies the events that it gets, from whichever node, and knows nothing else.
//
// There are two ways to deal with a set of events that breaks off before its id has come. A patient watcher applies a set
// when it has all of it, and throws away a part. One that is not applies each event at once. It must not go on at a node
// that is behind what it has seen, which it prevents with min_index, and a reset takes its position away.
type watcher struct {
	selection watch.Selection
	patient   bool
	log       *commitLog

	world    world
	position uint64 // the last id
	placed   bool   // there is one
	astray   bool   // the position is one of another history

	set  []watch.Event // that a patient watcher has of the next one
	seen uint64        // the highest index of a service, by one that is not patient

	at     *node // nil where the connection is broken
	cursor *watch.Cursor
}

// connect goes on at a node, if it has got as far as the watcher.
func (w *watcher) connect(n *node) {
	switch {
	case !w.placed:
		w.at, w.cursor, w.world, w.seen = n, watch.New(w.selection), world{}, 0
	case w.astray:
		w.at, w.cursor = n, watch.Resume(w.selection, w.position)
		w.cursor.Restart()
	case n.state().Index() >= max(w.position, w.seen):
		w.at, w.cursor = n, watch.Resume(w.selection, w.position)
	}
}

func (w *watcher) disconnect() { w.at, w.cursor, w.set = nil, nil, nil }

// mislead gives the watcher a world and a position of another history.
func (w *watcher) mislead() {
	w.disconnect()
	w.world = world{"a": {"stray": {}}, "stray": {"stray": {}}}
	w.position, w.placed, w.astray = 1<<40, true, true
}

// read takes what the node has to tell now, or only the first events of it, and then the connection breaks.
func (w *watcher) read(t *rapid.T, events int) {
	if w.at == nil {
		return
	}
	state := w.at.state()
	for e := range w.cursor.Advance(state, 0) {
		if events == 0 {
			w.disconnect()
			return
		}
		events--
		w.take(t, e)
	}
	w.check(t, state.Index(), "of which it was told everything")
}

// hear takes a bookmark.
func (w *watcher) hear(t *rapid.T) {
	w.read(t, -1)
	if w.at != nil {
		w.take(t, w.cursor.Bookmark(w.at.state().Index(), 0))
	}
}

func (w *watcher) take(t *rapid.T, e watch.Event) {
	w.set = append(w.set, e)
	if w.patient && !e.Last {
		return
	}
	for _, e := range w.set {
		w.apply(t, e)
	}
	w.set = nil
}

func (w *watcher) apply(t *rapid.T, e watch.Event) {
	switch e.Kind {
	case wire.EventReset:
		w.world, w.placed, w.astray, w.seen = world{}, false, false, 0
	case wire.EventSnapshot:
		body := decode[wire.Discovered](t, e)
		w.seen = max(w.seen, body.Index)
		delete(w.world, body.Service)
		w.world.add(body.Service, body.Instances)
	case wire.EventDelta:
		body := decode[wire.Delta](t, e)
		w.seen = max(w.seen, body.Index)
		for _, id := range body.Removed {
			delete(w.world[body.Service], id)
		}
		w.world.add(body.Service, body.Upserted)
		if len(w.world[body.Service]) == 0 {
			delete(w.world, body.Service)
		}
	case wire.EventBookmark:
		if body := decode[wire.Bookmark](t, e); body.Index != e.ID {
			t.Fatalf("the bookmark %d has the id %d", body.Index, e.ID)
		}
	default:
		t.Fatalf("an event of the kind %q", e.Kind)
	}
	if !e.Last {
		return
	}
	if w.placed && e.ID < w.position {
		t.Fatalf("the id %d comes after %d", e.ID, w.position)
	}
	w.position, w.placed = e.ID, true
	w.check(t, e.ID, "which is an id")
}

func decode[T any](t *rapid.T, e watch.Event) (body T) {
	if err := json.Unmarshal(e.Data, &body); err != nil {
		t.Fatalf("the %s %s: %v", e.Kind, e.Data, err)
	}
	return body
}

// check compares the watcher's world with the log's state.
func (w *watcher) check(t *rapid.T, index uint64, reason string) {
	truth := w.log.truth[index]
	if truth == nil {
		t.Fatalf("there is no state at %d, %s", index, reason)
	}
	if diff := cmp.Diff(project(truth, w.selection), w.world); diff != "" {
		t.Fatalf("at %d, %s, a watcher of %+v sees another world (-want +got):\n%s", index, reason, w.selection, diff)
	}
}
