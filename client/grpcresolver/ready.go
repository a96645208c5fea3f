package grpcresolver

import (
	"context"
	"iter"
	"strings"
	"sync"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// readySet is the source of a balancer's lb.Balancer: the instances, of which those without a connection are unhealthy.
type readySet struct {
	service string
	closed  chan struct{}

	mu       sync.Mutex
	index    uint64 // of the snapshot, which counts them
	snapshot registry.Snapshot
	changed  chan struct{} // closed with the next snapshot
	taken    chan struct{} // closed when the snapshot is in use
}

func newReadySet(service string) *readySet {
	return &readySet{service: service, closed: make(chan struct{}), changed: make(chan struct{}), taken: make(chan struct{})}
}

func (r *readySet) close() { close(r.closed) }

// tell hands over a set, and returns when calls are chosen from it.
func (r *readySet) tell(members []member, user *lb.Service) {
	snapshot := registry.Snapshot{Service: r.service, Instances: make([]registry.Instance, 0, len(members))}
	for _, m := range members {
		i := *m.instance
		if !m.ready {
			i.Status = registry.Unhealthy
		}
		snapshot.Instances = append(snapshot.Instances, i)
	}
	taken, first := r.post(snapshot)
	if first {
		r.wake(user)
	}
	select {
	case <-taken:
	case <-r.closed:
	}
}

// post replaces the snapshot.
func (r *readySet) post(snapshot registry.Snapshot) (taken <-chan struct{}, first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index++
	snapshot.Index = r.index
	close(r.changed)
	r.snapshot, r.changed, r.taken = snapshot, make(chan struct{}), make(chan struct{})
	return r.taken, r.index == 1
}

// wake begins the watch, which a service does at its first use. The first picks would wait for it otherwise, and a pick must
// not wait.
func (r *readySet) wake(user *lb.Service) {
	call, err := user.Acquire(context.Background(), lb.Query{})
	if err == nil {
		call.Done(lb.Outcome{Verdict: lb.Neutral})
	}
}

// Discover is for sources that can't watch; this one can.
func (r *readySet) Discover(context.Context, string) ([]registry.Instance, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.snapshot.Instances, nil
}

// Watch yields the set and each later one.
func (r *readySet) Watch(ctx context.Context, _ string) iter.Seq2[registry.Snapshot, error] {
	return func(yield func(registry.Snapshot, error) bool) {
		for {
			r.mu.Lock()
			snapshot, changed, taken := r.snapshot, r.changed, r.taken
			r.mu.Unlock()
			if !yield(snapshot, nil) {
				return
			}
			select {
			case <-taken: // by an earlier watch
			default:
				close(taken)
			}
			select {
			case <-ctx.Done():
				return
			case <-changed:
			}
		}
	}
}

func compareIDs(x, y *registry.Instance) int { return strings.Compare(x.ID, y.ID) }
