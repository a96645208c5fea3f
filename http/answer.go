package http

import (
	nethttp "net/http"
	"strconv"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

// answer is the answer to one request, and remembers what was said for the metrics, the log and the rescue.
type answer struct {
	nethttp.ResponseWriter
	route  string // the name of the route that was taken
	status int    // 0 until the answer began
	bytes  int64  // of the body

	last func() bool // whether this is to be the last answer on its connection; nil if not
}

// Unwrap is for [nethttp.ResponseController].
func (w *answer) Unwrap() nethttp.ResponseWriter { return w.ResponseWriter }

// WriteHeader begins the answer.
func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		if w.last != nil && w.last() {
			w.Header().Set("Connection", "close")
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write adds to the body.
func (w *answer) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(nethttp.StatusOK)
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// index sets the index of the state that the answer shows, or at which the write committed.
func (w *answer) index(n uint64) {
	w.Header().Set(wire.HeaderIndex, strconv.FormatUint(n, 10))
}

// waits announces that the answer may be this long in coming, so that the connection's deadline does not cut it off.
func (w *answer) waits(d time.Duration) {
	// Only writers that are no connections, as in tests, can't do this, and those have no deadline to move.
	_ = nethttp.NewResponseController(w).SetWriteDeadline(time.Now().Add(d + answerTimeout))
}

// json gives v as the whole answer.
func (w *answer) json(status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	w.send(status, wire.TypeJSON, body)
	return nil
}

// send gives bytes as the whole answer. A caller who went away meanwhile is nobody's error.
func (w *answer) send(status int, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// encode writes v the way people like to read it in a terminal, with a line break at the end.
func encode(v any) ([]byte, error) {
	b, err := wire.Encode(v)
	return append(b, '\n'), err
}
