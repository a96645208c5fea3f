package grpcresolver

import (
	"errors"
	"sync"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// picker chooses the connection of each call.
type picker struct {
	service *lb.Service
	ready   map[string]balancer.Picker // by instance id; the connection's own, which always gives the same
	flights *sync.Pool                 // of *flight
	streams *streams
}

func newPicker(service *lb.Service, children []endpointsharding.ChildState, flights *sync.Pool, streams *streams) *picker {
	p := &picker{service: service, ready: make(map[string]balancer.Picker, len(children)), flights: flights, streams: streams}
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
	query.Stream = p.streams.has(info.FullMethodName)
	call, err := p.service.Acquire(info.Ctx, query)
	if query.Tried.Len() > 0 && errors.Is(err, lb.ErrAllTried) {
		query.Tried.Reset() // going to one again is better than failing
		call, err = p.service.Acquire(info.Ctx, query)
	}
	if err != nil {
		return balancer.PickResult{}, refused(err)
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
	f := p.flights.Get().(*flight)
	f.call, f.then, f.home = call, result.Done, p.flights
	result.Done = f.done
	return result, nil
}

// refused is the error for gRPC: either it waits for the next picker, or the call fails. Circuit breakers open and close
// without a new picker, so no call may wait for one because of them.
func refused(err error) error {
	if errors.Is(err, registry.ErrNoHealthyInstances) || errors.Is(err, registry.ErrServiceNotFound) || errors.Is(err, lb.ErrClosed) {
		return balancer.ErrNoSubConnAvailable
	}
	return status.Error(codes.Unavailable, err.Error())
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
