package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/musterhq/muster/internal/pause"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// DefaultTTL is the lease of an instance that is registered without one.
const DefaultTTL = 15 * time.Second

// RegisterOption changes how [Client.Register] goes about it.
type RegisterOption func(*registerOptions)

type registerOptions struct {
	lease      registry.Lease
	background bool
}

// WithTTL sets the time after which the instance is unhealthy unless a heartbeat has come: [DefaultTTL] where neither this
// nor the instance says otherwise. Three heartbeats are sent in it.
func WithTTL(ttl time.Duration) RegisterOption {
	return func(o *registerOptions) { o.lease.TTL = registry.Duration(ttl) }
}

// WithDeregisterAfter has the registry deregister the instance so long after its lease ran out, such as after a crash.
func WithDeregisterAfter(d time.Duration) RegisterOption {
	return func(o *registerOptions) { o.lease.DeregisterAfter = registry.Duration(d) }
}

// InBackground has Register return at once. The instance is registered as soon as a node can be reached, for as long as that
// takes; a refusal by the registry is seen in [Registration.Status].
func InBackground() RegisterOption {
	return func(o *registerOptions) { o.background = true }
}

// Register registers an instance and keeps it registered, until [Registration.Close] or [Registration.Drain]: it sends
// heartbeats, and registers again whenever the registry has lost the instance or holds another document.
//
// It returns once the registration is acknowledged. While no node can be reached it tries on until ctx ends; then, and where
// the registry refuses the instance, the error is returned and nothing stays: should a try have been applied all the same, it
// is taken back. A program that is to start without the registry uses [InBackground].
//
// Registering the same service and id again replaces the document of the one [Registration], which is returned; where that
// fails, the earlier document stays.
func (c *Client) Register(ctx context.Context, instance registry.Instance, opts ...RegisterOption) (*Registration, error) {
	return c.registrations.register(ctx, instance, opts)
}

func (all *registrations) register(ctx context.Context, instance registry.Instance, opts []RegisterOption) (*Registration, error) {
	options := registerOptions{lease: registry.Lease{TTL: registry.Duration(DefaultTTL)}}
	if instance.Lease != nil {
		options.lease = *instance.Lease
	}
	for _, set := range opts {
		set(&options)
	}
	document := instance.Normalize()
	document.Lease = &options.lease
	if err := document.Validate(); err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	if options.background {
		if r, err := all.want(document); r != nil || err != nil {
			return r, err
		}
	}
	r, err := all.claim(ctx, wire.InstanceName{Service: document.Service, ID: document.ID})
	if err != nil {
		return nil, err
	}
	if options.background {
		r.release()
		return all.register(ctx, instance, opts)
	}
	if err := r.insist(ctx, document); err != nil {
		return nil, fmt.Errorf("register %s %s: %w", document.Service, document.ID, err)
	}
	return r, nil
}

// want has a document registered in the background. It returns nil where the last registration of that name is at its end,
// which is to be waited for.
func (all *registrations) want(document registry.Instance) (*Registration, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.closed {
		return nil, ErrClosed
	}
	name := wire.InstanceName{Service: document.Service, ID: document.ID}
	r := all.byName[name]
	if r == nil {
		r = all.add(name)
	}
	if r.left {
		return nil, nil
	}
	r.document, r.version, r.notBefore = document, all.nextVersion(), time.Time{}
	if r.lost == nil {
		r.lost = errNew
	}
	all.keep(r)
	r.rhythm.rouse()
	return r, nil
}

// claim is the registration of a name, with the right to write. It waits for whoever writes that instance now.
func (all *registrations) claim(ctx context.Context, name wire.InstanceName) (*Registration, error) {
	for {
		all.mu.Lock()
		if all.closed {
			all.mu.Unlock()
			return nil, ErrClosed
		}
		r := all.byName[name]
		if r == nil {
			r = all.add(name)
		}
		all.mu.Unlock()
		if err := r.acquire(ctx); err != nil {
			return nil, err
		}
		all.mu.Lock()
		current := all.byName[name] == r
		if current && !r.left {
			all.mu.Unlock()
			return r, nil
		}
		if current { // it has ended, or could not: what is open of it is the next one's
			next := all.add(name)
			next.open, next.tried = slices.Clone(r.open), r.tried
			r.gone = true
		}
		all.mu.Unlock()
		r.release()
	}
}

// insist registers a document until that is decided or ctx ends, and gives up the right to write.
func (r *Registration) insist(ctx context.Context, document registry.Instance) error {
	all := r.all
	all.mu.Lock()
	try := newAttempt(target{r, all.nextVersion(), document})
	all.mu.Unlock()
	var err error
	for pauses := 0; ; pauses++ {
		err = all.make(ctx, try, writePatience)
		if err == nil || refused(err) || !pause.For(ctx, backoff(pauses, time.Second)) {
			break
		}
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w; the last try: %w", context.Cause(ctx), err)
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	switch {
	case err == nil && r.left: // Close was called meanwhile, and waits for its turn
	case err == nil && all.closed:
		err = ErrClosed
	case err == nil:
		all.keep(r)
	case r.rhythm == nil && !r.left:
		r.left = true
		if all.begin(func(ctx context.Context) { r.withdraw(ctx) }) {
			return err
		}
	}
	r.release()
	return err
}
