package http

import (
	"mime"
	nethttp "net/http"
	"strconv"
	"strings"

	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/internal/wire"
)

// form is how the events of a watch stand in its stream, by the media type.
type form string

const (
	eventStream form = wire.TypeEventStream // lines with a name and one value each, and a blank one at the end
	ndjson      form = wire.TypeNDJSON      // a line each; see [wire.Event]
)

// frame adds to the bytes what stands before the data of an event, and returns what stands after it.
func (f form) frame(to []byte, e watch.Event) (before []byte, after string) {
	if f == ndjson {
		to = append(append(append(to, `{"event":"`...), e.Kind...), '"')
		if e.Last {
			to = strconv.AppendUint(append(to, `,"id":`...), e.ID, 10)
		}
		return append(to, `,"data":`...), "}\n"
	}
	to = append(append(append(to, "event: "...), e.Kind...), '\n')
	if e.Last {
		to = append(strconv.AppendUint(append(to, "id: "...), e.ID, 10), '\n')
	}
	return append(to, "data: "...), "\n\n"
}

// accepted chooses the form that the caller likes best. Who has no wish gets server-sent events.
func accepted(r *nethttp.Request) (form, error) {
	wishes := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(wishes) == "" {
		return eventStream, nil
	}
	var best form
	var most float64
	for wish := range strings.SplitSeq(wishes, ",") {
		name, options, err := mime.ParseMediaType(wish)
		if err != nil {
			continue // others may do
		}
		quality := 1.0
		if q, ok := options["q"]; ok {
			quality, _ = strconv.ParseFloat(q, 64) // what is no number is no wish
		}
		if f := formOf(name); f != "" && quality > most {
			best, most = f, quality
		}
	}
	if best == "" {
		return "", invalid("Accept", "must allow %s or %s, which are the forms of a watch", eventStream, ndjson)
	}
	return best, nil
}

func formOf(mediaType string) form {
	switch mediaType {
	case wire.TypeNDJSON, "application/*":
		return ndjson
	case wire.TypeEventStream, "text/*", "*/*":
		return eventStream
	default:
		return ""
	}
}
