package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// event is an event of the stream, read: what changed of a service, or how far the stream has got.
type event struct {
	kind     wire.EventKind
	service  string
	index    uint64 // the service's own
	upserted []*registry.Instance
	removed  []string
	age      time.Duration // of a bookmark
}

// readEvent reads an event other than hello.
func readEvent(e wire.Event) (event, error) {
	read := event{kind: e.Event}
	var err error
	switch e.Event {
	case wire.EventSnapshot:
		var d wire.Discovered
		err = json.Unmarshal(e.Data, &d)
		read.service, read.index, read.upserted = d.Service, d.Index, d.Instances
	case wire.EventDelta:
		var d wire.Delta
		err = json.Unmarshal(e.Data, &d)
		read.service, read.index, read.upserted, read.removed = d.Service, d.Index, d.Upserted, d.Removed
	case wire.EventBookmark:
		var b wire.Bookmark
		err = json.Unmarshal(e.Data, &b)
		if b.Age != nil {
			read.age = time.Duration(*b.Age)
		}
	}
	switch {
	case err != nil:
	case slices.Contains(read.upserted, nil):
		err = errors.New("an instance is null")
	case read.service == "" && (read.kind == wire.EventSnapshot || read.kind == wire.EventDelta):
		err = errors.New("it names no service")
	}
	if err != nil {
		return read, fmt.Errorf("a %s can't be read: %w", e.Event, err)
	}
	return read, nil
}

// touched tells whether one of the events is about a service.
func touched(events []event, service string) bool {
	return slices.ContainsFunc(events, func(e event) bool { return e.service == service })
}
