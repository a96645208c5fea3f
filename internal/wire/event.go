package wire

import "encoding/json"

// Event is one event of a watch as it stands on a line of [TypeNDJSON].
type Event struct {
	Event EventKind       `json:"event"`
	ID    *uint64         `json:"id,omitempty"` // the position that is reached with it; nil where a later event reaches one
	Data  json.RawMessage `json:"data"`
}
