package http

import (
	nethttp "net/http"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

// drain takes the parameter that says how long a deregistration waits to be confirmed; 0 is not at all.
func (p *params) drain() time.Duration {
	atMost, ok := p.duration(wire.ParamDrain)
	if ok && (atMost == 0 || atMost > wire.MaxDrain) {
		p.fail(wire.ParamDrain, "must be more than 0s and at most %s, not %s", wire.MaxDrain, atMost)
	}
	return atMost
}

// awaitDrain waits until everybody who watches the service has confirmed an index. The caller who goes away ends that, and
// so does the server that stops: by then the write is done, and what is known is the answer.
func (a *api) awaitDrain(w *answer, r *nethttp.Request, service string, index uint64, atMost time.Duration) *wire.Drained {
	w.waits(atMost)
	ctx, cancel := a.closing.context(r.Context())
	defer cancel()
	drained := a.node.Drain(ctx, service, index, atMost)
	return &drained
}
