package client

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/pause"
)

const (
	// farewellTime is how long Close tries where its context gives it longer.
	farewellTime = 10 * time.Second

	// farewellPatience is how long one node may take for a deregistration: another one may do it at once.
	farewellPatience = 3 * time.Second
)

// Close ends the heartbeats and deregisters the instance; that it is not registered is as good. It tries until ctx ends, 10 s
// at most. A registration that is under way, or of which nobody knows what became of it, is decided first, so that it can't
// come back afterwards.
//
// After an error no heartbeat is sent any more and the lease runs out; Close may be called again. After success, or a
// [Registration.Drain], it does nothing. It also works when the client is closed already.
func (r *Registration) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, farewellTime)
	defer cancel()
	r.depart()
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	if err := r.farewell(ctx); err != nil {
		return fmt.Errorf("deregister %s %s: %w", r.name.Service, r.name.ID, err)
	}
	return nil
}

// withdraw takes back a registration that nobody waits for any more. It has the right to write, and gives it up.
func (r *Registration) withdraw(ctx context.Context) {
	defer r.release()
	ctx, cancel := context.WithTimeout(ctx, farewellTime)
	defer cancel()
	if err := r.farewell(ctx); err != nil {
		r.all.logger.Warn("a registration could not be taken back; its lease runs out",
			"service", r.name.Service, "id", r.name.ID, "error", err)
	}
}

// depart ends the heartbeats, and has nobody register the instance any more.
func (r *Registration) depart() {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.left = true
	r.all.drop(r)
}

// farewell deregisters the instance. The caller has the right to write.
func (r *Registration) farewell(ctx context.Context) error {
	if !r.present() {
		return nil
	}
	return r.persist(ctx, func() error {
		answer, err := api.Do(ctx, r.all.calls, r.deregistration(0).Within(farewellPatience))
		if notThere(err) {
			err = nil
		}
		if err == nil {
			r.departed(answer.Body.Index)
		}
		return err
	})
}

// present tells whether there is something to deregister, and notes where there is not.
func (r *Registration) present() bool {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if !r.gone && !r.tried {
		r.vanish(0)
	}
	return !r.gone
}

// persist decides what is open and then deregisters, until that is done, refused, or ctx ends.
func (r *Registration) persist(ctx context.Context, deregister func() error) error {
	for failures := 0; ; failures++ {
		err := r.settle(ctx)
		if err == nil {
			err = deregister()
		}
		if err == nil || refused(err) {
			return err
		}
		if !pause.For(ctx, backoff(failures, time.Second)) {
			return fmt.Errorf("%w; the last try: %w", cmp.Or(context.Cause(ctx), context.Canceled), err)
		}
	}
}

// settle has all registrations decided of which nobody knows whether they were applied. Each is made once more with its key:
// after that, the copy that may be on its way does nothing.
func (r *Registration) settle(ctx context.Context) error {
	for {
		r.all.mu.Lock()
		var try *attempt
		for len(r.open) > 0 && try == nil {
			if r.open[0].decided {
				r.open = r.open[1:]
				continue
			}
			try = r.open[0]
		}
		r.all.mu.Unlock()
		if try == nil {
			return nil
		}
		if err := r.all.make(ctx, try, farewellPatience); err != nil && !refused(err) {
			return err
		}
	}
}

// departed notes that the instance is deregistered.
func (r *Registration) departed(index uint64) {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	r.vanish(index)
}

// vanish ends the registration. The caller holds the lock.
func (r *Registration) vanish(index uint64) {
	if r.gone {
		return
	}
	r.gone = true
	if r.all.byName[r.name] == r {
		delete(r.all.byName, r.name)
	}
	if index > 0 {
		r.status.Index = index
	}
	r.become(Deregistered, nil)
}
