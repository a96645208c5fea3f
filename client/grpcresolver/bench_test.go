package grpcresolver

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/leastrequest"
	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// plain is a gRPC without a network: a connection is ready soon after it is asked to connect.
type plain struct {
	balancer.ClientConn // nothing else is called

	mu      sync.Mutex
	picker  balancer.Picker
	pickers int // so far
	last    *plainConn
}

func (p *plain) UpdateState(s balancer.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.picker = s.Picker
	p.pickers++
}

func (p *plain) ResolveNow(resolver.ResolveNowOptions) {}

func (p *plain) NewSubConn(_ []resolver.Address, o balancer.NewSubConnOptions) (balancer.SubConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = &plainConn{listener: o.StateListener}
	return p.last, nil
}

type plainConn struct {
	balancer.SubConn // nothing else is called
	listener         func(balancer.SubConnState)
}

func (c *plainConn) Connect() {
	go func() {
		c.listener(balancer.SubConnState{ConnectivityState: connectivity.Connecting})
		c.listener(balancer.SubConnState{ConnectivityState: connectivity.Ready})
	}()
}

func (c *plainConn) Shutdown() {}

func (c *plainConn) RegisterHealthListener(f func(balancer.SubConnState)) {
	go f(balancer.SubConnState{ConnectivityState: connectivity.Ready})
}

// connected builds a balancer over so many instances, and returns when its picker has all of them.
func connected(tb testing.TB, instances int) {
	tb.Helper()
	cc := &plain{}
	b := policy{}.Build(cc, balancer.BuildOptions{})
	defer b.Close()
	if err := b.UpdateClientConnState(stateOf(instances, &config{Strategy: defaultStrategy})); err != nil {
		tb.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		cc.mu.Lock()
		latest := cc.picker
		cc.mu.Unlock()
		if own, ok := latest.(*picker); ok && len(own.ready) == instances {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatal("not all are connected")
		}
	}
}

// stateOf is what a resolver says of so many instances.
func stateOf(instances int, config serviceconfig.LoadBalancingConfig) balancer.ClientConnState {
	var list []registry.Instance
	for n := range instances {
		list = append(list, registry.Instance{Service: "payments", ID: fmt.Sprint(n), Address: "10.0.0.1", Port: 1 + n})
	}
	return balancer.ClientConnState{
		BalancerConfig: config,
		ResolverState: resolver.State{
			Endpoints:  endpoints(list),
			Attributes: attributes.New(settingsKey{}, &settings{}).WithValue(serviceKey{}, "payments"),
		},
	}
}

// ready builds a balancer over so many instances, and returns its picker when all of them are connected.
func ready(tb testing.TB, instances int, builder balancer.Builder, config serviceconfig.LoadBalancingConfig) balancer.Picker {
	tb.Helper()
	cc := &plain{}
	b := builder.Build(cc, balancer.BuildOptions{})
	tb.Cleanup(b.Close)
	if err := b.UpdateClientConnState(stateOf(instances, config)); err != nil {
		tb.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) { // until all have connected
		cc.mu.Lock()
		latest := cc.picker
		cc.mu.Unlock()
		seen := map[balancer.SubConn]bool{}
		for range 20 * instances {
			if r, err := latest.Pick(balancer.PickInfo{Ctx: tb.Context()}); err == nil {
				seen[r.SubConn] = true
				if r.Done != nil {
					r.Done(balancer.DoneInfo{BytesSent: true})
				}
			}
		}
		if own, ok := latest.(*picker); ok && len(own.ready) == instances || len(seen) == instances {
			return latest
		}
		if time.Now().After(deadline) {
			tb.Fatalf("%d of %d are picked", len(seen), instances)
		}
	}
}

// subjects are what is measured: a pick and its end.
func subjects() map[string]func(testing.TB, int) balancer.Picker {
	list := map[string]func(testing.TB, int) balancer.Picker{
		"grpc/round_robin": func(tb testing.TB, n int) balancer.Picker {
			return ready(tb, n, balancer.Get(roundrobin.Name), nil)
		},
		"grpc/least_request": func(tb testing.TB, n int) balancer.Picker {
			return ready(tb, n, balancer.Get(leastrequest.Name), &leastrequest.LBConfig{ChoiceCount: 2})
		},
	}
	for _, strategy := range lb.Strategies() {
		list["muster/"+strategy] = func(tb testing.TB, n int) balancer.Picker {
			return ready(tb, n, policy{}, &config{Strategy: strategy})
		}
	}
	return list
}

func BenchmarkPickAndDone(b *testing.B) {
	info := balancer.PickInfo{Ctx: context.Background()}
	for name, build := range subjects() {
		for _, instances := range []int{10, 100} {
			b.Run(fmt.Sprintf("%s/%d", name, instances), func(b *testing.B) {
				p := build(b, instances)
				b.ReportAllocs()
				for b.Loop() {
					r, err := p.Pick(info)
					if err != nil {
						b.Fatal(err)
					}
					if r.Done != nil {
						r.Done(balancer.DoneInfo{BytesSent: true})
					}
				}
			})
		}
	}
}

// BenchmarkConnect is how long it takes until calls go to all instances of a service, of which each is connected at once.
func BenchmarkConnect(b *testing.B) {
	for _, instances := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(instances), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				connected(b, instances)
			}
		})
	}
}

func TestAPickAllocatesNothing(t *testing.T) {
	ctx := WithKey(t.Context(), "ann")
	for _, strategy := range lb.Strategies() {
		p := ready(t, 10, policy{}, &config{Strategy: strategy})
		allocations := testing.AllocsPerRun(2000, func() {
			r, err := p.Pick(balancer.PickInfo{Ctx: ctx})
			if err != nil {
				t.Fatal(err)
			}
			r.Done(balancer.DoneInfo{BytesSent: true})
		})
		if allocations >= 1 && !raceDetector {
			t.Errorf("%s: %v allocations a pick", strategy, allocations)
		}
	}
}

func TestTheEndOfAPickCountsOnce(t *testing.T) {
	p := ready(t, 2, policy{}, &config{Strategy: "least-connections"}).(*picker)
	r, err := p.Pick(balancer.PickInfo{Ctx: t.Context()})
	if err != nil {
		t.Fatal(err)
	}
	r.Done(balancer.DoneInfo{BytesSent: true})
	r.Done(balancer.DoneInfo{BytesSent: true})
	for _, e := range p.service.Endpoints() {
		if e.InFlight != 0 {
			t.Errorf("%s has %d calls in flight", e.Instance.ID, e.InFlight)
		}
	}
}
