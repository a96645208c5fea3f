package http

import (
	"context"
	"fmt"

	"github.com/musterhq/muster/internal/fault"
)

// errDraining is what callers are told who would have to wait while the server stops.
var errDraining = fmt.Errorf("%w: the node is stopping; ask another one", fault.ErrNotReady)

// drain is the moment at which a server begins to stop: those who wait for something give up at once.
type drain struct {
	begin func()      // once is enough, but it may be called again
	begun func() bool // whether it was

	// after has f called, on a goroutine of its own, when the drain begins, unless it is forgotten before.
	after func(f func()) (forget func() bool)
}

func newDrain() drain {
	draining, begin := context.WithCancel(context.Background())
	return drain{
		begin: begin,
		begun: func() bool { return draining.Err() != nil },
		after: func(f func()) func() bool { return context.AfterFunc(draining, f) },
	}
}

// context gives a context that also ends, with the cause errDraining, when the drain begins.
func (d drain) context(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	forget := d.after(func() { cancel(errDraining) })
	return ctx, func() {
		forget()
		cancel(nil)
	}
}
