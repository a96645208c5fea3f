package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Registration is an instance that is kept registered. Any number of goroutines may use it.
type Registration struct {
	all  *registrations
	name wire.InstanceName

	// writing is held by whoever writes the instance: whether it is there must never depend on which of two writes a node
	// happens to put first.
	writing chan struct{}

	// All further fields belong to the lock of all registrations.

	document  registry.Instance // that is to be registered
	version   uint64            // of the document
	stored    registry.Instance // as the registry answered last
	digest    string            // of the last registration; empty before it
	lost      error             // why the instance is to be registered; nil where it stands as wanted
	notBefore time.Time         // a refused registration is not tried again sooner
	rhythm    *rhythm           // nil while it is not kept

	open  []*attempt // registrations of which nobody knows whether they were applied
	tried bool       // it may be registered
	left  bool       // it is to be deregistered
	gone  bool       // nothing is left to be done
	key   string     // of the deregistration

	report *wire.HealthReport // the last one
	owed   bool               // the registry does not have the report

	status  Status
	changed chan struct{} // closed at the next change of the status
}

// Instance is the instance as the registry answered to its last registration, and before the first as it was given. It is the
// caller's own.
func (r *Registration) Instance() registry.Instance {
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	if r.digest == "" {
		return *r.document.Clone()
	}
	return *r.stored.Clone()
}

// Report says how the instance is: [registry.Unhealthy] takes it out of discovery without deregistering it. The last report
// outlives the instance: where the registry has lost both, it is made again after the registration. So it is also where
// Report returns an error, unless the registry refuses what it says.
func (r *Registration) Report(ctx context.Context, status registry.Status, output string) error {
	report := &wire.HealthReport{Status: status, Output: output}
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	r.all.mu.Lock()
	before := r.report
	r.report, r.owed = report, true
	r.all.mu.Unlock()
	_, err := api.Do(ctx, r.all.calls, api.ReportHealth(r.name.Service, r.name.ID, *report))
	r.all.mu.Lock()
	defer r.all.mu.Unlock()
	switch {
	case err == nil:
		r.owed = false
	case refused(err) && !notThere(err):
		r.report, r.owed = before, false
	}
	if err != nil {
		return fmt.Errorf("report %s %s: %w", r.name.Service, r.name.ID, err)
	}
	return nil
}

// acquire waits for the right to write.
func (r *Registration) acquire(ctx context.Context) error {
	select {
	case r.writing <- struct{}{}:
		return nil
	default:
	}
	select {
	case r.writing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s %s is being written: %w", r.name.Service, r.name.ID, context.Cause(ctx))
	}
}

func (r *Registration) acquireNow() bool {
	select {
	case r.writing <- struct{}{}:
		return true
	default:
		return false
	}
}

func (r *Registration) release() { <-r.writing }

// acknowledge notes that a document was registered. The caller holds the lock.
func (r *Registration) acknowledge(t target, answer registered) {
	r.tried = true
	if t.version < r.version || r.left {
		return
	}
	if errors.Is(r.lost, ErrForgotten) || errors.Is(r.lost, ErrReplaced) {
		r.status.Reregistered++
		r.status.Reason = r.lost
	}
	r.document, r.version = t.document, t.version
	r.stored, r.digest, r.lost = answer.instance, answer.digest, nil
	r.owed = r.owed || (answer.created && r.report != nil)
	r.status.LastHeartbeat, r.status.Index, r.status.Created = time.Now(), answer.index, answer.created
	r.become(Registered, nil)
}

// fail notes a try that came to nothing. The caller holds the lock.
func (r *Registration) fail(err error) {
	if r.left {
		return
	}
	if refused(err) {
		r.notBefore = time.Now().Add(jittered(refusedPause))
		r.become(Refused, err)
		return
	}
	r.become(Retrying, err)
}
