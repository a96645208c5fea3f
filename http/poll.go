package http

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	nethttp "net/http"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// poll is the part of a read that waits for news: for an index in the body above the one that the caller has.
type poll struct {
	wanted bool
	index  uint64
	wait   time.Duration // at most, but for the jitter
}

// polled takes the parameters of consistency and those of a long poll, which have the wait in common.
func (p *params) polled() (consistency, poll) {
	news := poll{wait: defaultPoll}
	if news.index, news.wanted = p.number(wire.ParamIndex); !news.wanted {
		return p.consistency(), news
	}
	wait, waits := p.duration(wire.ParamWait)
	c := p.consistency()
	if waits {
		news.wait = min(wait, maxWait)
		c.wait = news.wait
	}
	return c, news
}

// viewNews is view for a read that may poll: then it returns when await has, or at the end of the wait.
func (a *api) viewNews(w *answer, r *nethttp.Request, c consistency, p poll, await awaitNews) (*registry.State, error) {
	if !p.wanted {
		return a.view(w, r, c)
	}
	confirmed, err := a.reach(w, r, c)
	if err != nil {
		return nil, err
	}
	// What can't be answered now is refused before the wait.
	if _, err := a.show(w, c, confirmed); err != nil {
		return nil, err
	}
	if err := a.poll(w, r, p, await); err != nil {
		return nil, err
	}
	return a.show(w, c, confirmed)
}

// awaitNews waits until there is something newer than an index that the node has applied.
type awaitNews func(ctx context.Context, index uint64) error

// poll waits for news. That none came in time is no error: then the caller gets what there is.
func (a *api) poll(w *answer, r *nethttp.Request, p poll, await awaitNews) error {
	// Callers who asked at one moment are not to come back at one moment.
	wait := p.wait + rand.N(p.wait/16+1)
	w.waits(wait)
	ctx, forget := a.closing.context(r.Context())
	defer forget()
	limited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()

	foreign, err := a.foreign(limited, p.index)
	if err == nil && !foreign {
		err = a.awaitSoundly(limited, func(ctx context.Context) error { return await(ctx, p.index) })
	}
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) != nil: // the server stops, or the caller went away
		return context.Cause(ctx)
	case errors.Is(limited.Err(), context.DeadlineExceeded) && errors.Is(err, limited.Err()):
		return nil
	default:
		return err
	}
}

// newsOf waits until a service has changed after an index, or is known to be gone since. A service that is not there, of
// which the history does not reach back so far, may be.
func (a *api) newsOf(service string) awaitNews {
	return func(ctx context.Context, index uint64) error {
		changes := a.node.Subscribe(service)
		defer changes.Close()
		for !changed(a.node.State(), service, index) {
			select {
			case <-changes.C():
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}
}

func changed(state *registry.State, service string, index uint64) bool {
	there := cmp.Or(state.Service(service), state.Departed(service))
	if there == nil {
		return index < state.Floor()
	}
	return there.Index() > index
}

// newsOfAll waits until the state is above an index.
func (a *api) newsOfAll(ctx context.Context, index uint64) error {
	return a.node.Await(ctx, index+1)
}
