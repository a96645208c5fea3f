package wire

import "github.com/musterhq/muster/registry"

// EventKind is what an event of a watch is, by the name that it has in the stream.
type EventKind string

// The kinds of events.
const (
	EventHello    EventKind = "hello"    // [Hello]: how to acknowledge; the first of an acknowledging watch
	EventReset    EventKind = "reset"    // [Bookmark]: forget everything, the position too; all that is there follows
	EventSnapshot EventKind = "snapshot" // [Discovered]: the whole of one service, none of it where it is not there
	EventDelta    EventKind = "delta"    // [Delta]: what changed of one service
	EventBookmark EventKind = "bookmark" // [Bookmark]: nothing changed up to here
)

// Hello tells an acknowledging watch the id that it confirms under, which is not the name that it goes by.
type Hello struct {
	Watch string `json:"watch"`
}

// Delta is what changed of a service since the watcher's position.
type Delta struct {
	Index    uint64               `json:"index"` // of the service's last change
	Service  string               `json:"service"`
	Upserted []*registry.Instance `json:"upserted"` // as they are now, in the order of their ids
	Removed  []string             `json:"removed"`  // ids; of those that are not there any more, or are not chosen any more

	Preserved *Preservation `json:"preserved,omitempty"` // of the service as it is now
}

// Bookmark says how far a watcher has got.
type Bookmark struct {
	Index uint64             `json:"index"`         // of the whole state
	Age   *registry.Duration `json:"age,omitempty"` // for how long the node can't vouch for that; see [HeaderAge]
}
