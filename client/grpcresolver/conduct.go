package grpcresolver

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/connectivity"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

var errForeign = errors.New("the balancer got addresses that are not from the muster resolver: where HTTPS_PROXY is set, " +
	"dial with grpc.WithNoProxy")

// conduct is the balancer of one connection. It stands between gRPC and the connections: it hands down what the resolver
// says, and takes what they report to make a picker of the ready ones.
type conduct struct {
	balancer.ClientConn // the connections' way to gRPC, but for UpdateState
	connections         balancer.Balancer
	flights             sync.Pool // of *flight
	streams             streams

	mu       sync.Mutex // of all below
	closed   bool
	strategy string
	chooser  *lb.Balancer // nil until the first set
	service  *lb.Service
	ready    *readySet
	last     []member // that the chooser was told
	nobody   error    // why there are no endpoints

	resolving bool      // the resolver tells a set, which must be in use when it has
	latest    standing  // what the connections said last
	published time.Time // when gRPC was told
	count     int       // of connections that were ready then

	later atomic.Bool // gRPC will be told again; not under the mutex
}

// member is an instance, and whether there is a connection to it.
type member struct {
	instance *registry.Instance
	ready    bool
}

// UpdateClientConnState takes a new set. The connections answer with UpdateState before it returns.
func (b *conduct) UpdateClientConnState(s balancer.ClientConnState) error {
	c, ok := s.BalancerConfig.(*config)
	if !ok {
		return fmt.Errorf("balancer %q: a config of type %T: %w", Name, s.BalancerConfig, balancer.ErrBadResolverState)
	}
	nobody, _ := s.ResolverState.Attributes.Value(nobodyKey{}).(error)
	own, _ := s.ResolverState.Attributes.Value(settingsKey{}).(*settings)
	service, _ := s.ResolverState.Attributes.Value(serviceKey{}).(string)
	for _, e := range s.ResolverState.Endpoints {
		if own == nil || instanceOf(e) == nil {
			nobody, s.ResolverState.Endpoints = errForeign, nil
			break
		}
	}
	defer b.resolved()
	if err := b.prepare(c.Strategy, service, own, nobody); err != nil {
		return err
	}
	return b.connections.UpdateClientConnState(balancer.ClientConnState{
		// The children listen to the health service, where the service config asks for that.
		ResolverState: pickfirst.EnableHealthListener(s.ResolverState),
	})
}

// prepare makes the chooser, at first and where the strategy is another.
func (b *conduct) prepare(strategy, service string, own *settings, nobody error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nobody, b.resolving = nobody, true
	if own == nil || b.chooser != nil && b.strategy == strategy {
		return nil
	}
	ready := newReadySet(service)
	chooser, err := lb.New(strategy, ready, append(slices.Clone(own.options), lb.WithIdle(math.MaxInt64/4))...)
	if err != nil {
		return err
	}
	b.dismiss()
	b.strategy, b.chooser, b.service, b.ready, b.last = strategy, chooser, chooser.Service(service), ready, nil
	return nil
}

// resolved ends what prepare began.
func (b *conduct) resolved() {
	b.mu.Lock()
	b.resolving = false
	b.mu.Unlock()
}

// dismiss ends the chooser. The caller holds the mutex.
func (b *conduct) dismiss() {
	if b.chooser == nil {
		return
	}
	b.ready.close()
	_ = b.chooser.Close() // it has nothing that could fail
}

// UpdateState is called by the connections when something changed among them: by each of a thousand as it gets ready.
func (b *conduct) UpdateState(s balancer.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	before := b.latest
	b.latest = newStanding(s)
	if b.resolving || !b.latest.mayWait(&before, b.count) || time.Since(b.published) >= gathering {
		b.publish()
		return
	}
	b.publishLater(gathering)
}

// publish makes a picker of what the connections said last. The caller holds the mutex.
func (b *conduct) publish() {
	s := b.latest.State
	if b.chooser != nil {
		b.inform(b.latest.children)
	}
	switch {
	case b.nobody != nil:
		s = balancer.State{ConnectivityState: connectivity.TransientFailure, Picker: base.NewErrPicker(b.nobody)}
	case s.ConnectivityState == connectivity.Ready:
		s.Picker = newPicker(b, b.latest.children)
	}
	// Else it is the connections' own picker, which waits or says why there is none.
	b.ClientConn.UpdateState(s)
	b.published, b.count = time.Now(), b.latest.ready
}

// publishLater has the state published again after a while. Several who want that get it at once. It takes no lock, for
// picks call it.
func (b *conduct) publishLater(after time.Duration) {
	if !b.later.CompareAndSwap(false, true) {
		return
	}
	time.AfterFunc(after, func() {
		b.later.Store(false)
		b.mu.Lock()
		defer b.mu.Unlock()
		if !b.closed {
			b.publish()
		}
	})
}

// inform tells the chooser who is there, if that has changed, and returns when it chooses from these.
func (b *conduct) inform(children []endpointsharding.ChildState) {
	members := make([]member, 0, len(children))
	for _, c := range children {
		members = append(members, member{instanceOf(c.Endpoint), c.State.ConnectivityState == connectivity.Ready})
	}
	slices.SortFunc(members, func(x, y member) int { return compareIDs(x.instance, y.instance) })
	if b.last != nil && slices.Equal(members, b.last) {
		return
	}
	b.last = members
	b.ready.tell(members, b.service)
}

// ResolverError is told to connections that wait for a first set; gRPC calls it while there is none.
func (b *conduct) ResolverError(err error) { b.connections.ResolverError(err) }

// UpdateSubConnState is gRPC's former way to tell of connections, which is not used any more.
func (b *conduct) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle has all connections connect.
func (b *conduct) ExitIdle() { b.connections.ExitIdle() }

// Close ends the connections gracefully, and the chooser.
func (b *conduct) Close() {
	b.connections.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.dismiss()
}
