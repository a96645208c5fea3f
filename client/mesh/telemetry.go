package mesh

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/musterhq/muster/lb"
)

// scope is what OpenTelemetry knows this package by.
const scope = "github.com/musterhq/muster/client/mesh"

// telemetry is what a transport tells the world of its calls.
type telemetry struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	metrics    *callMetrics
	onChange   func(lb.Event)
}

func newTelemetry(s *settings, endpoints func(func(string, *lb.Endpoint))) (*telemetry, error) {
	m, err := newCallMetrics(s.meters, endpoints)
	if err != nil {
		return nil, err
	}
	return &telemetry{tracer: s.tracers.Tracer(scope), propagator: s.propagator, metrics: m, onChange: s.onChange}, nil
}

// close ends what would be observed for good. Calls that are still under way may go on telling.
func (o *telemetry) close() { o.metrics.close() }

// inject gives a request the context of its span. The request's headers are the caller's until something is written.
func (o *telemetry) inject(ctx context.Context, r *http.Request) {
	o.propagator.Inject(ctx, &carrier{request: r})
}

// carrier is the headers of a request, copied before the first change.
type carrier struct {
	request *http.Request
	copied  bool
}

func (c *carrier) Get(key string) string { return c.request.Header.Get(key) }

func (c *carrier) Set(key, value string) {
	if !c.copied {
		c.copied = true
		if c.request.Header = c.request.Header.Clone(); c.request.Header == nil {
			c.request.Header = http.Header{}
		}
	}
	c.request.Header.Set(key, value)
}

func (c *carrier) Keys() []string {
	keys := make([]string, 0, len(c.request.Header))
	for k := range c.request.Header {
		keys = append(keys, k)
	}
	return keys
}
