package mesh

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// durations are the buckets, in seconds, that the conventions advise for the duration of requests.
var durations = []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10}

// Attributes of our own. An instance is never one: there are too many, and they come and go.
const (
	serviceKey = attribute.Key("muster.service")
	stateKey   = attribute.Key("state")
	methodKey  = attribute.Key("method")
)

// callMetrics are the instruments of a transport.
type callMetrics struct {
	duration    metric.Float64Histogram
	picks       metric.Int64Counter
	rejected    metric.Int64Counter
	exhausted   metric.Int64Counter
	throttled   metric.Int64Counter
	ejections   metric.Int64Counter
	panics      metric.Int64Counter
	transitions metric.Int64Counter
	stop        func() error // the observation of the endpoints
}

func newCallMetrics(p metric.MeterProvider, endpoints func(func(string, *lb.Endpoint))) (*callMetrics, error) {
	meter := p.Meter(scope)
	m := &callMetrics{}
	var errs [10]error
	m.duration, errs[0] = meter.Float64Histogram("http.client.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of HTTP client requests."), metric.WithExplicitBucketBoundaries(durations...))
	count := func(name, unit, description string) (metric.Int64Counter, error) {
		return meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	}
	m.picks, errs[1] = count("lb.picks", "{pick}", "Choices of an instance, with the error.type of those that found none.")
	m.rejected, errs[2] = count("breaker.rejected", "{pick}", "Choices that found every instance refused by its circuit breaker.")
	m.exhausted, errs[3] = count("retry.budget.exhausted", "{try}", "Further tries that the service's budget refused.")
	m.throttled, errs[4] = count("throttle.rejected", "{try}", "Tries held back because the service rejects too many.")
	m.ejections, errs[5] = count("lb.ejections", "{ejection}", "Instances left out for doing worse than others.")
	m.panics, errs[6] = count("lb.panic", "{panic}", "Times that ejections began to be disregarded because too few instances were left.")
	m.transitions, errs[7] = count("breaker.transitions", "{transition}", "Changes of the state of an instance's circuit breaker, by the new one.")
	gauge, err := meter.Int64ObservableGauge("lb.endpoints", metric.WithUnit("{endpoint}"),
		metric.WithDescription("Instances that are known, by state."))
	errs[8] = err
	registration, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		observe := func(key endpointState, n int64) {
			o.ObserveInt64(gauge, n, metric.WithAttributes(serviceKey.String(key.service), stateKey.String(string(key.state))))
		}
		for key, n := range countStates(endpoints) {
			observe(key, n)
		}
		return nil
	}, gauge)
	if errs[9] = err; err == nil {
		m.stop = registration.Unregister
	}
	return m, errors.Join(errs[:]...)
}

func (m *callMetrics) close() {
	if m.stop != nil {
		_ = m.stop() // it only fails where nothing is observed any more
	}
}

type endpointState struct {
	service string
	state   lb.State
}

func countStates(endpoints func(func(string, *lb.Endpoint))) map[endpointState]int64 {
	n := map[endpointState]int64{}
	endpoints(func(service string, e *lb.Endpoint) { n[endpointState{service, e.State}]++ })
	return n
}

// tried records a try that has ended.
func (m *callMetrics) tried(ctx context.Context, t *try, d time.Duration, failed string) {
	if !m.duration.Enabled(ctx) {
		return
	}
	attrs := make([]attribute.KeyValue, 0, 6)
	attrs = append(attrs, methodOf(t.call.req.Method).attribute(),
		semconv.ServerAddress(t.call.service.name), semconv.ServerPort(portOf(t.call.req.URL)))
	if t.code != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(t.code), semconv.NetworkProtocolVersion(t.span.proto))
	}
	if failed != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(failed))
	}
	m.duration.Record(ctx, d.Seconds(), metric.WithAttributes(attrs...))
}

func inc(ctx context.Context, c metric.Int64Counter, attrs ...attribute.KeyValue) {
	if c.Enabled(ctx) {
		c.Add(ctx, 1, metric.WithAttributes(attrs...))
	}
}

func (o *telemetry) picked(ctx context.Context, service string, err error) {
	if err == nil {
		inc(ctx, o.metrics.picks, serviceKey.String(service))
		return
	}
	inc(ctx, o.metrics.picks, serviceKey.String(service), semconv.ErrorTypeKey.String(pickFailure(err)))
	if errors.Is(err, breaker.ErrOpen) {
		inc(ctx, o.metrics.rejected, serviceKey.String(service))
	}
}

// pickFailure is the error.type of a choice that found none.
func pickFailure(err error) string {
	switch {
	case errors.Is(err, lb.ErrAllTried):
		return "all_tried"
	case errors.Is(err, registry.ErrServiceNotFound):
		return "service_not_found"
	case errors.Is(err, registry.ErrNoHealthyInstances):
		return "no_healthy_instances"
	case errors.Is(err, breaker.ErrOpen):
		return "breaker_open"
	default:
		return failureOf(0, err)
	}
}

func (o *telemetry) budgetExhausted(ctx context.Context, service string) {
	inc(ctx, o.metrics.exhausted, serviceKey.String(service))
}

func (o *telemetry) throttled(ctx context.Context, service string) {
	inc(ctx, o.metrics.throttled, serviceKey.String(service))
}

// changed counts what the balancer tells of itself. It is called on a goroutine of the balancer's.
func (o *telemetry) changed(e lb.Event) {
	ctx, service := context.Background(), serviceKey.String(e.Service)
	switch e.Kind {
	case lb.WasEjected:
		inc(ctx, o.metrics.ejections, service, methodKey.String(e.Reason))
	case lb.PanicBegan:
		inc(ctx, o.metrics.panics, service)
	case lb.BreakerMoved:
		inc(ctx, o.metrics.transitions, service, stateKey.String(e.Reason))
	}
	if o.onChange != nil {
		o.onChange(e)
	}
}
