package grpcresolver

import "github.com/musterhq/muster/lb"

// Option is a setting of [New].
type Option func(*settings)

// settings travel from the resolver to the balancer as an attribute of the resolver's state.
type settings struct {
	strategy string
	config   string
	options  []lb.Option
}

type (
	settingsKey struct{}
	serviceKey  struct{}
	nobodyKey   struct{}
)

const defaultStrategy = "adaptive"

// WithStrategy chooses instances by another strategy than adaptive, see [lb.Strategies]. How long a stream lasts is not measured,
// if its method is in the program as generated code; where nearly all calls are streams, least-connections is the better one.
func WithStrategy(name string) Option { return func(s *settings) { s.strategy = name } }

// WithServiceConfig adds to the service config what gRPC is to do beside choosing: methodConfig with timeouts and retryPolicy,
// retryThrottling, healthCheckConfig. gRPC ignores the one of [google.golang.org/grpc.WithDefaultServiceConfig] where the
// resolver gives one, and this resolver does.
func WithServiceConfig(json string) Option { return func(s *settings) { s.config = json } }

// WithBalancing sets what [lb.New] takes: circuit breakers, ejection, the zone and the like. [lb.WithIdle] has no effect:
// connections have an idle time of gRPC's. [lb.WithSubset] chooses among connections; it does not save any.
func WithBalancing(opts ...lb.Option) Option {
	return func(s *settings) { s.options = append(s.options, opts...) }
}
