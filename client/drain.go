package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/internal/wire"
)

const (
	// A node is asked to wait for so long at first, and twice as long each further time, so that one which dies meanwhile
	// costs no more than that.
	firstDrain = time.Second
	mostDrain  = 8 * time.Second

	// drainGrace is what an answer may take beyond the time that the node is asked to wait for.
	drainGrace = 500 * time.Millisecond
)

// DrainError says that the instance is deregistered, but not that everybody knows.
type DrainError struct {
	Index       uint64   // at which the deregistration committed; 0 where somebody else had deregistered the instance
	Confirmed   int      // how many watches have confirmed it
	Unconfirmed []string // the names of watches that have not, and "node:LABEL" for nodes that could not tell
	Err         error    // why nothing is known; nil where the time was over
}

func (e *DrainError) Error() string {
	if e.Err != nil {
		return "deregistered, but it is not known who has noticed: " + e.Err.Error()
	}
	return fmt.Sprintf("deregistered, and %d watches have confirmed that, but not %s", e.Confirmed, strings.Join(e.Unconfirmed, ", "))
}

// Unwrap is the reason why nothing is known.
func (e *DrainError) Unwrap() error { return e.Err }

// Drain ends the heartbeats, deregisters the instance, and returns when everybody who watches its service and confirms what he
// has seen has confirmed that, as this package's watches do: from then on no such client picks it. Calls that have been sent
// before may still be under way; a server shuts down gracefully after Drain.
//
// It waits until ctx ends, a minute at most. A [*DrainError] says that the instance is deregistered, and who has not
// confirmed it. Any other error says that it may be registered still, and Drain or Close may be called again. That a
// node dies meanwhile is no error: the next one is asked, with the same idempotency key, and waits for the same index.
func (r *Registration) Drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, wire.MaxDrain)
	defer cancel()
	r.depart()
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	if !r.present() {
		return nil
	}
	var last *DrainError // that is known
	wait := firstDrain
	err := r.persist(ctx, func() error {
		for {
			answer, err := r.drainFor(ctx, wait)
			switch {
			case notThere(err):
				if last == nil {
					last = &DrainError{Err: err}
				}
				return nil
			case err != nil:
				return err
			case answer.Drained == nil:
				last = &DrainError{Index: answer.Index, Err: errors.New("the registry does not know of drains")}
				return nil
			}
			last = &DrainError{Index: answer.Index, Confirmed: answer.Confirmed, Unconfirmed: answer.Unconfirmed}
			if len(last.Unconfirmed) == 0 {
				return nil
			}
			if wait = min(2*wait, mostDrain); !pause.For(ctx, firstBackoff) {
				return nil
			}
		}
	})
	if last == nil {
		return fmt.Errorf("drain %s %s: %w", r.name.Service, r.name.ID, err)
	}
	r.departed(last.Index)
	if last.Err == nil && len(last.Unconfirmed) == 0 {
		return nil
	}
	return last
}

// drainFor deregisters the instance and has a node wait for so long, less where ctx ends sooner. Where that is done already it
// only waits, for the same index.
func (r *Registration) drainFor(ctx context.Context, wait time.Duration) (wire.Deregistered, error) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		wait = min(wait, max(left-drainGrace, left/2, time.Millisecond))
	}
	answer, err := api.Do(ctx, r.all.calls, r.deregistration(wait).Within(wait+farewellPatience))
	return answer.Body, err
}

// deregistration is the call that deregisters the instance, always under one key: however often it is made, and with whatever
// drain, it is applied once, and answered with the index of that.
func (r *Registration) deregistration(drain time.Duration) api.Call[wire.Deregistered] {
	call := api.Deregister(r.name.Service, r.name.ID, drain)
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if r.key == "" {
		r.key = call.Key()
	}
	return call.WithKey(r.key)
}
