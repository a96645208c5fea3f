package grpcresolver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/endpointsharding"
	"google.golang.org/grpc/balancer/pickfirst"
	"google.golang.org/grpc/serviceconfig"

	"github.com/musterhq/muster/lb"
)

// Name is the name of the balancer in a service config. The resolver's service config names it, with its strategy.
const Name = "muster"

// This is the one place of the module where importing a package does something, because gRPC leaves no other: a service
// config can only name balancers that are in gRPC's table, which it reads without a lock for whichever connection, so that
// only the time before main is safe to add to it. [New] would be too late in a program that has dialed before. What is added
// has no state, and does nothing until a resolver of this package names it.
var _ = registered()

func registered() bool {
	balancer.Register(policy{})
	return true
}

// policy builds balancers.
type policy struct{}

// config is the balancer's part of the service config.
type config struct {
	serviceconfig.LoadBalancingConfig `json:"-"`

	Strategy string `json:"strategy,omitempty"`
}

// Name is [Name].
func (policy) Name() string { return Name }

// ParseConfig reads {"strategy": "adaptive"}.
func (policy) ParseConfig(text json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	c := &config{Strategy: defaultStrategy}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, fmt.Errorf("balancer %q: %w", Name, err)
	}
	b, err := lb.New(c.Strategy, nil)
	if err != nil {
		return nil, fmt.Errorf("balancer %q: %w", Name, err)
	}
	return c, b.Close()
}

// Build makes a balancer. Connections are gRPC's business: each endpoint has a pick_first, which connects and connects again.
func (policy) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	b := &conduct{ClientConn: cc, flights: sync.Pool{New: newFlight}}
	b.connections = endpointsharding.NewBalancer(b, opts, balancer.Get(pickfirst.Name).Build, endpointsharding.Options{})
	return b
}
