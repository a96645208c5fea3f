package http

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/internal/fault"
)

// errClosing is what callers are told who would have to wait while the server stops.
var errClosing = fmt.Errorf("%w: the node is stopping; ask another one", fault.ErrNotReady)

// closing is the moment at which a server begins to stop: those who wait for something give up at once.
type closing struct {
	begin func()      // once is enough, but it may be called again
	begun func() bool // whether it was

	// after has f called, on a goroutine of its own, when the server begins to stop, unless it is forgotten before.
	after func(f func()) (forget func() bool)
}

func newClosing() closing {
	stopping, begin := context.WithCancel(context.Background())
	return closing{
		begin: begin,
		begun: func() bool { return stopping.Err() != nil },
		after: func(f func()) func() bool { return context.AfterFunc(stopping, f) },
	}
}

// context gives a context that also ends, with the cause errClosing, when the server begins to stop.
func (c closing) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	forget := c.after(func() { cancel(errClosing) })
	return ctx, func() {
		forget()
		cancel(nil)
	}
}
