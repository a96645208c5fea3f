package http

import (
	"errors"
	"fmt"
	"io"
	"mime"
	nethttp "net/http"
	"os"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// saveSnapshot streams the whole state, as it is after every write that was acknowledged before.
func (a *api) saveSnapshot(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	if err := a.confirm(w, r); err != nil {
		return err
	}
	backup, err := a.node.Backup()
	if err != nil {
		return err
	}
	w.index(backup.Index())
	w.Header().Set("Content-Type", wire.TypeSnapshot)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="muster-%d.snapshot"`, backup.Index()))
	w.WriteHeader(nethttp.StatusOK)
	if r.Method == nethttp.MethodHead {
		return nil
	}
	if _, err := backup.WriteTo(unhurried{w}); err != nil {
		panic(nethttp.ErrAbortHandler) // the answer has begun: only that it breaks off can say that it is not whole
	}
	return nil
}

// unhurried writes an answer of any length: each part may take as long as a whole answer elsewhere.
type unhurried struct{ w *answer }

func (u unhurried) Write(b []byte) (int, error) {
	u.w.waits(0)
	return u.w.Write(b)
}

// restoreSnapshot replaces the state of the cluster by that of the snapshot in the body.
func (a *api) restoreSnapshot(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	if err := acceptableSnapshot(r); err != nil {
		return err
	}
	ctx, forget := a.drain.context(r.Context())
	defer forget()
	body := &upload{answer: w, control: nethttp.NewResponseController(w), body: r.Body, stopping: a.drain.begun}
	defer a.drain.after(body.hurry)()
	restored, err := a.node.Restore(ctx, body)
	w.waits(0) // the answer's own time begins
	if err != nil {
		return err
	}
	w.index(restored.Index)
	return w.json(nethttp.StatusOK, wire.Restored{Index: restored.Index, Instances: restored.Instances, Services: restored.Services})
}

// acceptableSnapshot refuses a body that says to be something else. What curl says of everything will do.
func acceptableSnapshot(r *nethttp.Request) error {
	if err := uncoded(r); err != nil {
		return err
	}
	sent := r.Header.Get("Content-Type")
	mediaType, _, err := mime.ParseMediaType(sent)
	if sent == "" || err == nil && (mediaType == wire.TypeSnapshot || mediaType == typeForm) {
		return nil
	}
	return wire.NewProblem(wire.CodeUnsupportedMediaType, fmt.Sprintf("Content-Type %q is not understood; send %s", sent, wire.TypeSnapshot))
}

// upload reads a body that may be long, from a caller who may be slow, for as long as something comes.
type upload struct {
	answer   *answer
	control  *nethttp.ResponseController
	body     io.Reader
	stopping func() bool // whether the server is
	bytes    int64

	mu    sync.Mutex
	ended error // what the last Read returned
}

// Read puts off the connection's deadlines by as long as a whole request may take elsewhere.
func (u *upload) Read(b []byte) (int, error) {
	if err := u.begin(); err != nil {
		return 0, err
	}
	n, err := u.body.Read(b)
	u.bytes += int64(n)
	return n, u.end(err)
}

// begin moves the deadlines, but not after the end of the body: from then on the connection is read in order to notice that
// the caller goes away, which may take as long as it likes.
func (u *upload) begin() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended == nil && u.stopping() {
		u.ended = errDraining
	}
	if u.ended == nil {
		// Only writers that are no connections, as in tests, have no deadlines to put off.
		_ = u.control.SetReadDeadline(time.Now().Add(requestTimeout))
		u.answer.waits(requestTimeout)
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
		return errDraining
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: nothing more came after %d bytes of the body; nothing was changed", fault.ErrTimeout, u.bytes)
	default:
		return invalid("body", "broke off after %d bytes: %v; nothing was changed", u.bytes, err)
	}
}
