package registry

import (
	"context"
	"iter"
	"sync"
)

// Registry is a registry within one process: the state that every node of Muster has, without the cluster around it. Its
// methods may be called by any number of goroutines; those that only read take no lock.
type Registry struct {
	writing   sync.Mutex // held by a writer from reading the newest State until its own is published
	publisher *Publisher
}

// New returns an empty Registry.
func New() *Registry {
	return &Registry{publisher: NewPublisher(NewState())}
}

// Register adds an instance, or replaces the one with the same service and id, and returns the ModifyIndex with which it
// then stands; that of before where exactly this instance was registered already. What i leaves out gets its default;
// see [Instance.Normalize]. The error is an [ErrInvalid].
func (r *Registry) Register(i Instance) (uint64, error) {
	result, err := r.apply(Register{Instance: i.Normalize()})
	if err != nil {
		return 0, err
	}
	return result.Instance.ModifyIndex, nil
}

// Deregister removes an instance. It fails with [ErrInstanceNotFound] where there is none.
func (r *Registry) Deregister(service, id string) error {
	_, err := r.apply(Deregister{Service: service, ID: id})
	return err
}

// Report says how an instance is or, with the name of one of its checks, how that came out. It fails with
// [ErrInstanceNotFound], [ErrCheckNotFound] or [ErrInvalid].
func (r *Registry) Report(service, id, check string, report Report) error {
	_, err := r.apply(ReportHealth{Service: service, ID: id, Check: check, Report: report.Normalize()})
	return err
}

// Maintain takes an instance out of discovery without deregistering it, or lets it back in. It fails with
// [ErrInstanceNotFound] or [ErrInvalid].
func (r *Registry) Maintain(service, id string, m Maintenance) error {
	_, err := r.apply(SetMaintenance{Service: service, ID: id, Maintenance: m})
	return err
}

// Discover returns the instances of a service that are healthy and not in maintenance, in the order of their ids. It
// fails with [ErrServiceNotFound], or with [ErrNoHealthyInstances] where the service is there but nobody is left to call.
// What the instances point to is shared and must not be changed.
func (r *Registry) Discover(service string) ([]Instance, error) {
	found := r.State().Service(service)
	if found == nil {
		return nil, serviceNotFound(service)
	}
	if found.Healthy() == 0 {
		return nil, noHealthyInstances(service, found.Len())
	}
	instances := make([]Instance, 0, found.Healthy())
	for i := range found.Instances() {
		if i.Discoverable() {
			instances = append(instances, *i)
		}
	}
	return instances, nil
}

// Watch yields the service as it is and then as it is after each change, until ctx ends; see [Publisher.Watch].
func (r *Registry) Watch(ctx context.Context, service string) iter.Seq2[Snapshot, error] {
	return r.publisher.Watch(ctx, service)
}

// Follow yields everything that is registered, as it is now and then as it is after changes, until ctx ends. A consumer that
// is slower than the changes sees only the newest State; [State.ChangedSince] tells what has happened in between. Changes of
// which watchers do not hear, such as those of an output alone, come with the next one.
func (r *Registry) Follow(ctx context.Context) iter.Seq[*State] {
	return func(yield func(*State) bool) {
		sub := r.publisher.SubscribeAll()
		defer sub.Close()
		for ctx.Err() == nil {
			if !yield(r.State()) {
				return
			}
			select {
			case <-sub.C():
			case <-ctx.Done():
			}
		}
	}
}

// State returns everything that is registered now, as an immutable whole.
func (r *Registry) State() *State { return r.publisher.State() }

// apply gives the operation the next index, unless it changes nothing.
func (r *Registry) apply(op Operation) (Result, error) {
	if err := op.Validate(); err != nil {
		return Result{}, err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	edit := r.State().Edit()
	results, err := edit.Apply(r.State().Index()+1, op)
	if err != nil {
		return Result{}, err
	}
	if len(edit.changes) > 0 {
		r.publisher.Publish(edit.Commit(), edit.Changed())
	}
	return results[0], nil
}
