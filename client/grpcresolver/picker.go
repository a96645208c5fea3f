package grpcresolver

import (
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/connectivity"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// openAgain is how long after calls were refused gRPC gets a new picker. It tries calls that are to wait, by
// grpc.WaitForReady, with each new one only, and circuit breakers let calls pass again by the clock.
const openAgain = 50 * time.Millisecond

// picker chooses the connection of each call.
type picker struct {
	conduct *conduct
	service *lb.Service
	ready   map[string]balancer.Picker // by instance id; the connection's own, which always gives the same
}

// newPicker makes a picker of the connections that are ready. The caller holds the mutex of b.
func newPicker(b *conduct, children []endpointsharding.ChildState) *picker {
	p := &picker{conduct: b, service: b.service, ready: make(map[string]balancer.Picker, len(children))}
	for _, c := range children {
		if c.State.ConnectivityState == connectivity.Ready {
			p.ready[instanceOf(c.Endpoint).ID] = c.State.Picker
		}
	}
	return p
}

// Pick chooses an instance, and its connection.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	m := markOf(info.Ctx)
	query := m.query()
	query.Stream = p.conduct.streams.has(info.FullMethodName)
	call, err := p.service.Acquire(info.Ctx, query)
	if query.Tried.Len() > 0 && errors.Is(err, lb.ErrAllTried) {
		query.Tried.Reset() // going to one again is better than failing
		call, err = p.service.Acquire(info.Ctx, query)
	}
	if err != nil {
		return balancer.PickResult{}, p.refused(err)
	}
	connection, ok := p.ready[call.Instance().ID]
	if !ok {
		// The choice is already made from the next set; its picker is on the way, and gRPC waits for that.
		call.Done(lb.Outcome{Verdict: lb.Neutral})
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	result, err := connection.Pick(info)
	if err != nil {
		call.Done(lb.Outcome{Verdict: lb.Neutral})
		return balancer.PickResult{}, err
	}
	if query.Tried != nil {
		query.Tried.Add(call.Instance().ID)
	}
	f := p.conduct.flights.Get().(*flight)
	f.call, f.then, f.home = call, result.Done, &p.conduct.flights
	result.Done = f.done
	return result, nil
}

// refused is the error for gRPC. Where instances come, calls wait for the picker that has them. All else fails the calls
// that do not want to wait; the others go on waiting.
func (p *picker) refused(err error) error {
	if errors.Is(err, registry.ErrNoHealthyInstances) || errors.Is(err, registry.ErrServiceNotFound) || errors.Is(err, lb.ErrClosed) {
		return balancer.ErrNoSubConnAvailable
	}
	p.conduct.publishLater(openAgain)
	return err
}

// flight is a call on its way. They are used again, with the closure that each has: it would be two allocations a call. That is
// safe since gRPC ends an attempt once.
type flight struct {
	call lb.Call
	then func(balancer.DoneInfo) // the connection's; nil for all that gRPC has now
	home *sync.Pool
	done func(balancer.DoneInfo)
}

func newFlight() any {
	f := &flight{}
	f.done = f.land
	return f
}

func (f *flight) land(info balancer.DoneInfo) {
	home, then := f.home, f.then
	if home == nil {
		return // it has landed
	}
	f.call.Done(outcome(&info))
	f.call, f.then, f.home = lb.Call{}, nil, nil
	home.Put(f)
	if then != nil {
		then(info)
	}
}
