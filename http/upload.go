package http

import (
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"os"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// upload reads a body that may be long, from a caller who may be slow, for as long as something comes.
type upload struct {
	control  *nethttp.ResponseController
	body     io.Reader
	stopping func() bool // whether the server is
	bytes    int64

	mu    sync.Mutex
	ended error // what the last Read returned
}

// Read puts off the connection's deadline by as long as a whole request may take elsewhere.
func (u *upload) Read(b []byte) (int, error) {
	if err := u.begin(); err != nil {
		return 0, err
	}
	n, err := u.body.Read(b)
	u.bytes += int64(n)
	return n, u.end(err)
}

// begin moves the deadline, but not after the end of the body: from then on the connection is read in order to notice that
// the caller goes away, which may take as long as it likes.
func (u *upload) begin() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended == nil && u.stopping() {
		u.ended = errClosing
	}
	if u.ended == nil {
		// Only writers that are no connections, as in tests, have no deadline to put off.
		_ = u.control.SetReadDeadline(time.Now().Add(requestTimeout))
	}
	return u.ended
}

func (u *upload) end(err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = u.explain(err)
	return u.ended
}

// hurry makes a Read that waits give up.
func (u *upload) hurry() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended == nil {
		_ = u.control.SetReadDeadline(time.Now())
	}
}

func (u *upload) explain(err error) error {
	if tooMuch, ok := errors.AsType[*nethttp.MaxBytesError](err); ok {
		return tooLarge(tooMuch.Limit)
	}
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case u.stopping():
		return errClosing
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: nothing more came after %d bytes of the body; nothing was changed", fault.ErrTimeout, u.bytes)
	default:
		return invalid("body", "broke off after %d bytes: %v; nothing was changed", u.bytes, err)
	}
}
