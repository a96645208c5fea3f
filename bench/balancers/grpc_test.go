package balancers

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	orca "github.com/cncf/xds/go/xds/data/orca/v3"
	"google.golang.org/grpc/balancer"
	_ "google.golang.org/grpc/balancer/leastrequest"
	_ "google.golang.org/grpc/balancer/roundrobin"
	_ "google.golang.org/grpc/balancer/weightedroundrobin"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/experimental/stats"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// channel stands for a channel of grpc-go: its connections are ready as soon as they are asked to be.
type channel struct {
	balancer.ClientConn

	mu     sync.Mutex
	picker balancer.Picker
	ready  map[string]bool
	wg     sync.WaitGroup
}

func (c *channel) NewSubConn(addrs []resolver.Address, opts balancer.NewSubConnOptions) (balancer.SubConn, error) {
	return &connection{channel: c, address: addrs[0].Addr, tell: opts.StateListener}, nil
}

func (c *channel) UpdateState(s balancer.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.picker = s.Picker
}

func (c *channel) ResolveNow(resolver.ResolveNowOptions) {}

func (c *channel) Target() string { return "payments" }

func (c *channel) MetricsRecorder() stats.MetricsRecorder { return silent{} }

type silent struct {
	stats.UnimplementedMetricsRecorder
}

type connection struct {
	balancer.SubConn

	channel *channel
	address string
	tell    func(balancer.SubConnState)
}

func (c *connection) Connect() {
	c.channel.wg.Go(func() {
		c.tell(balancer.SubConnState{ConnectivityState: connectivity.Connecting})
		c.tell(balancer.SubConnState{ConnectivityState: connectivity.Ready})
	})
}

func (c *connection) RegisterHealthListener(tell func(balancer.SubConnState)) {
	c.channel.wg.Go(func() { tell(balancer.SubConnState{ConnectivityState: connectivity.Ready}) })
}

func (c *connection) UpdateAddresses([]resolver.Address) {}
func (c *connection) Shutdown()                          {}

func (c *connection) GetOrBuildProducer(balancer.ProducerBuilder) (balancer.Producer, func()) {
	return nil, func() {}
}

// grpcGo builds one of grpc-go's balancers and waits until it chooses among all.
func grpcGo(tb testing.TB, name, config string, n int) func() string {
	builder := balancer.Get(name)
	var parsed serviceconfig.LoadBalancingConfig
	if parser, ok := builder.(balancer.ConfigParser); ok {
		var err error
		if parsed, err = parser.ParseConfig(json.RawMessage(config)); err != nil {
			tb.Fatal(err)
		}
	}
	c := &channel{}
	b := builder.Build(c, balancer.BuildOptions{})
	tb.Cleanup(b.Close)
	var endpoints []resolver.Endpoint
	weights := map[string]int{}
	for i := range n {
		endpoints = append(endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address(i)}}})
		weights[address(i)] = weight(i)
	}
	err := b.UpdateClientConnState(balancer.ClientConnState{
		ResolverState: resolver.State{Endpoints: endpoints}, BalancerConfig: parsed,
	})
	if err != nil {
		tb.Fatal(err)
	}
	b.ExitIdle()
	c.wg.Wait()
	teach(c, weights)
	c.mu.Lock()
	defer c.mu.Unlock()
	picker := c.picker
	return func() string {
		result, err := picker.Pick(balancer.PickInfo{})
		if err != nil {
			return ""
		}
		if result.Done != nil {
			result.Done(balancer.DoneInfo{})
		}
		return result.SubConn.(*connection).address
	}
}

// teach has every instance report a load that its weight follows from, and waits until the weights are used.
func teach(c *channel, weights map[string]int) {
	c.mu.Lock()
	picker := c.picker
	c.mu.Unlock()
	for range 3 * len(weights) {
		result, err := picker.Pick(balancer.PickInfo{})
		if err != nil || result.Done == nil {
			return
		}
		who := result.SubConn.(*connection).address
		result.Done(balancer.DoneInfo{ServerLoad: &orca.OrcaLoadReport{
			RpsFractional: float64(weights[who]), ApplicationUtilization: 0.5,
		}})
	}
	time.Sleep(250 * time.Millisecond)
}
