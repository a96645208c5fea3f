package mesh

import (
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/musterhq/muster/lb"
)

// Option changes how a [Transport] or a [Handler] works from how it does by default.
type Option func(*settings)

// WithStrategy chooses instances by another strategy of package lb than "adaptive"; lb.Strategies lists them.
func WithStrategy(name string) Option {
	return func(s *settings) { s.strategy = name }
}

// WithBalancer hands options to the balancer that chooses the instances: zones, subsets, ejection, another breaker. They
// come after those of the transport, one breaker.DefaultConfig for each instance.
func WithBalancer(opts ...lb.Option) Option {
	return func(s *settings) { s.balancer = append(s.balancer, opts...) }
}

// WithOnChange has a function called at each change in what the balancer does, as lb.WithOnChange does. Use it instead of
// that one, which would take the place of the transport's own, and with it the metrics that count the changes.
func WithOnChange(f func(lb.Event)) Option {
	return func(s *settings) { s.onChange = f }
}

// WithServices says which URLs name a service, and which: a call to any other goes straight out. Without it, a host is the
// name of a service unless it has a port, is an IP address, or is localhost.
func WithServices(serviceOf func(*url.URL) (service string, ok bool)) Option {
	return func(s *settings) { s.serviceOf = serviceOf }
}

// WithTryTimeout bounds how long each try waits for the headers of its response, 15 s without this option. The body may
// take as long as the caller's context lets it. 0 and less is no bound.
func WithTryTimeout(d time.Duration) Option {
	return func(s *settings) { s.tryTimeout = d }
}

// WithRetries bounds how often a call is tried again after its first try, 3 times without this option. 0 and less is
// never.
func WithRetries(n int) Option {
	return func(s *settings) { s.retries = max(0, n) }
}

// WithBudget changes the bound on what each service gets of retries and hedges altogether.
func WithBudget(b Budget) Option {
	return func(s *settings) { s.budget = b }
}

// WithHedging sends calls that may reach a service twice to a second instance when the first is slow.
func WithHedging(h Hedging) Option {
	return func(s *settings) { s.hedging = &h }
}

// WithBase makes the connections as base does: its dial functions, TLS configuration, limits and time-outs. It is copied,
// a copy for each instance, so that its limits of idle and open connections count by instance. Its Proxy serves the calls
// that go straight out.
func WithBase(base *http.Transport) Option {
	return func(s *settings) { s.base = base }
}

// WithTracerProvider records spans there instead of at OpenTelemetry's global provider.
func WithTracerProvider(p trace.TracerProvider) Option {
	return func(s *settings) { s.tracers = p }
}

// WithMeterProvider records metrics there instead of at OpenTelemetry's global provider.
func WithMeterProvider(p metric.MeterProvider) Option {
	return func(s *settings) { s.meters = p }
}

// WithPropagator carries contexts between services as p does, instead of W3C trace context and baggage.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(s *settings) { s.propagator = p }
}
