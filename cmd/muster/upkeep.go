package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

const (
	// beatsPerLease is how many heartbeats are sent in the time of a lease: two may be lost.
	beatsPerLease = 3

	// nodePatience bounds how long one node may take to answer a heartbeat, however long the lease is. It is longer than a
	// node itself looks for a leader.
	nodePatience = 6 * time.Second

	// retryWithin bounds the pause after a heartbeat that no node took.
	retryWithin = time.Second

	// farewellTime is how long the deregistration at the end may take, and a registration that is under way then. Without
	// them, the lease runs out.
	farewellTime = 10 * time.Second
)

// upkeep keeps an instance registered: it sends heartbeats, and registers again where the registry has lost the instance or
// holds another document.
type upkeep struct {
	client   *api.Client
	instance registry.Instance // with a lease and an id
	digest   string            // of the last registration; empty before the first
	tell     io.Writer         // for people

	tried   bool // it may be registered
	failing bool // the last try failed, which was told
}

// newUpkeep gives the instance the id that the registry would give it, so that it can be deregistered also where nobody knows
// whether it was registered.
func newUpkeep(client *api.Client, instance registry.Instance, tell io.Writer) *upkeep {
	instance.ID = instance.Normalize().ID
	return &upkeep{client: client, instance: instance, tell: tell}
}

// run keeps the instance registered until ctx ends. It begins with a registration where none has been made.
func (u *upkeep) run(ctx context.Context) {
	pause := time.Duration(0)
	if u.digest != "" {
		pause = u.interval()
	}
	for {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		err := u.beat(ctx)
		if ctx.Err() != nil {
			return
		}
		u.report(err)
		pause = u.interval()
		if err != nil {
			pause = min(pause/beatsPerLease, retryWithin)
		}
	}
}

// interval is the time to the next heartbeat, give or take a tenth, so that many clients do not keep step.
func (u *upkeep) interval() time.Duration {
	third := time.Duration(u.instance.Lease.TTL) / beatsPerLease
	return third - third/10 + rand.N(third/5) //nolint:gosec // nobody gains from guessing it
}

// beat sends one heartbeat, and registers where that is needed.
func (u *upkeep) beat(ctx context.Context) error {
	if u.digest == "" {
		_, err := u.register(ctx)
		return err
	}
	patience := min(time.Duration(u.instance.Lease.TTL)/beatsPerLease, nodePatience)
	answer, err := api.Do(ctx, u.client, api.Heartbeats(patience, wire.Heartbeat{
		Service: u.instance.Service, ID: u.instance.ID, Digest: u.digest,
	}))
	switch {
	case err != nil:
		return err
	case len(answer.Body.Missing) > 0:
		return u.again(ctx, "the registry did not know it any more")
	case len(answer.Body.Differs) > 0:
		return u.again(ctx, "the registry held another document")
	default:
		return nil
	}
}

// register registers the instance. That ctx is cancelled does not cut it off at once: the registration could be applied all
// the same, and after the deregistration that follows.
func (u *upkeep) register(ctx context.Context) (api.Answer[registry.Instance], error) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			time.AfterFunc(farewellTime, cancel)
		} else {
			cancel()
		}
	})()
	answer, err := api.Do(lasting, u.client, api.Register(u.instance).Within(farewellTime)) // a node waits 7 s for a leader
	u.tried = u.tried || err == nil || fault.IsUnknown(err)
	if err == nil {
		u.digest = answer.Digest
	}
	return answer, err
}

func (u *upkeep) again(ctx context.Context, reason string) error {
	answer, err := u.register(ctx)
	if err == nil {
		fmt.Fprintf(u.tell, "muster: registered %s %s again (index %d): %s\n", u.instance.Service, u.instance.ID, answer.Index, reason)
	}
	return err
}

// report tells when it begins to fail and when it is well again, and not what happens in between.
func (u *upkeep) report(err error) {
	switch {
	case err != nil && !u.failing:
		fmt.Fprintf(u.tell, "muster: can't keep %s %s registered, and goes on trying: %s\n", u.instance.Service, u.instance.ID, explain(err))
	case err == nil && u.failing:
		fmt.Fprintf(u.tell, "muster: %s %s is registered, and its heartbeats get through\n", u.instance.Service, u.instance.ID)
	}
	u.failing = err != nil
}

// end deregisters the instance, although ctx is at its end.
func (u *upkeep) end(ctx context.Context) error {
	if !u.tried {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewellTime)
	defer cancel()
	_, err := api.Do(ctx, u.client, api.Deregister(u.instance.Service, u.instance.ID, 0).Within(farewellTime/3)) // one may be frozen
	if errors.Is(err, registry.ErrInstanceNotFound) || errors.Is(err, registry.ErrServiceNotFound) {
		return nil
	}
	return err
}
