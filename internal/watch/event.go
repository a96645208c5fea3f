package watch

import (
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Event is one thing to tell a watcher.
type Event struct {
	Kind wire.EventKind
	Data []byte // JSON, without a line break; shared by watchers and never changed

	// Last tells that the watcher has all of a state with this event, and so a position: the ID, the index of that state.
	Last bool
	ID   uint64
}

// bookmark tells how far a watcher is, and for how long the node can't vouch for its state.
func bookmark(index uint64, age time.Duration) Event {
	rounded := registry.Duration(age.Truncate(time.Millisecond))
	return Event{Kind: wire.EventBookmark, Last: true, ID: index, Data: encode(wire.Bookmark{Index: index, Age: &rounded})}
}

// resetAt tells a watcher to forget everything; the state at the index follows.
func resetAt(index uint64) Event {
	return Event{Kind: wire.EventReset, Data: encode(wire.Bookmark{Index: index})}
}

// encode writes what an event says. It can't fail: that is made of strings and numbers.
func encode(v any) []byte {
	b, err := wire.Encode(v)
	if err != nil {
		panic(fmt.Sprintf("an event can't be encoded: %v", err))
	}
	return b
}
