package client

import (
	"context"
	"errors"
	"iter"
	"time"
)

// State says how a [Registration] stands.
type State string

// The states. The last two are final.
const (
	Registering  State = "registering"  // not acknowledged yet, and nothing has gone wrong
	Registered   State = "registered"   // acknowledged, and its heartbeats get through
	Retrying     State = "retrying"     // no node took the last try; the next one comes by itself
	Refused      State = "refused"      // the registry won't have it; it is asked again now and then, as it may change its mind
	Deregistered State = "deregistered" // by Close or Drain, or never registered when that was called
	Abandoned    State = "abandoned"    // the client was closed: no heartbeat comes any more, and the lease runs out
)

// Why an instance had to be registered again; see [Status].Reason.
var (
	ErrForgotten = errors.New("the registry did not know it any more")
	ErrReplaced  = errors.New("the registry held another document")
)

// Status is how a [Registration] stands at one moment.
type Status struct {
	State         State
	Since         time.Time // when it came into this state
	LastHeartbeat time.Time // when the last heartbeat or registration was acknowledged; zero before the first
	Err           error     // of the last try; nil where that went well
	Index         uint64    // at which the last registration, or the deregistration, committed
	Created       bool      // the last registration brought the instance into being, rather than find it there
	Reregistered  int       // how often the instance was registered again since it was lost
	Reason        error     // for the last time: [ErrForgotten] or [ErrReplaced]; nil where that never happened
}

// final tells whether nothing comes after.
func (s Status) final() bool { return s.State == Deregistered || s.State == Abandoned }

// Status is how the registration stands.
func (r *Registration) Status() Status {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	return r.status
}

// Changes is how the registration stands now and after every change, until ctx ends or a final state has been seen. Changes
// that come while the loop is busy are seen as one; that a heartbeat went well is no change. Any number may look.
func (r *Registration) Changes(ctx context.Context) iter.Seq[Status] {
	return func(yield func(Status) bool) {
		for {
			r.all.mu.Lock()
			status, changed := r.status, r.changed
			r.all.mu.Unlock()
			if !yield(status) || status.final() {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// become notes a state and wakes those who look. The caller holds the lock.
func (r *Registration) become(state State, err error) {
	if r.status.final() && state != Deregistered {
		return
	}
	was := r.status.State
	if was != state {
		r.status.State, r.status.Since = state, time.Now()
	}
	r.status.Err = err
	close(r.changed)
	r.changed = make(chan struct{})
	if was == state {
		return
	}
	log := r.all.logger.With("service", r.name.Service, "id", r.name.ID, "state", state)
	if err != nil {
		log.Warn("registration", "error", err)
	} else {
		log.Info("registration")
	}
}
