package mesh

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Handler serves as h does and tells of it: it continues the caller's trace with a span for each request, measures their
// number and duration, and says in the header Endpoint-Load-Metrics of each answer how much the server has to do, by
// which callers choose. Put one around everything that a server serves: what it reports is what passes through it. Of the
// options, those about telemetry concern it.
func Handler(h http.Handler, opts ...Option) http.Handler {
	s := newSettings(opts)
	m, err := newServerMetrics(s.meters)
	if err != nil {
		otel.Handle(err) // as OpenTelemetry does with what goes wrong with telemetry: the service goes on
	}
	return &handler{next: h, tracer: s.tracers.Tracer(scope), propagator: s.propagator, metrics: m, load: &workload{}}
}

type handler struct {
	next       http.Handler
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	metrics    *serverMetrics
	load       *workload
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	ctx := h.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := h.tracer.Start(ctx, methodOf(r.Method).spanName(), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithTimestamp(began), trace.WithAttributes(serverAttributes(r)...))
	r = r.WithContext(ctx)
	out := &reporter{ResponseWriter: w, load: h.load}
	h.load.begin()
	h.metrics.began(r)
	returned := false
	defer func() { // of a panic, too, which goes on its way with its stack whole
		now := time.Now()
		code := out.status(returned)
		h.load.end(!returned || code >= http.StatusInternalServerError || code == http.StatusTooManyRequests)
		h.finish(r, span, code, returned, now.Sub(began))
		span.End(trace.WithTimestamp(now))
	}()
	h.next.ServeHTTP(out, r)
	out.say()
	returned = true
}

// finish records how a request was served.
func (h *handler) finish(r *http.Request, span trace.Span, code int, returned bool, d time.Duration) {
	route := routeOf(r.Pattern)
	failed := ""
	switch {
	case !returned:
		failed = "panic"
	case code >= http.StatusInternalServerError:
		failed = strconv.Itoa(code)
	}
	h.metrics.ended(r, route, code, failed, d)
	if !span.IsRecording() {
		return
	}
	if code != 0 {
		span.SetAttributes(semconv.HTTPResponseStatusCode(code))
	}
	if route != "" {
		span.SetName(methodOf(r.Method).spanName() + " " + route)
		span.SetAttributes(semconv.HTTPRoute(route))
	}
	if failed != "" {
		span.SetAttributes(semconv.ErrorTypeKey.String(failed))
		span.SetStatus(codes.Error, "")
	}
}

// serverAttributes are what is known of a request before it is served.
func serverAttributes(r *http.Request) []attribute.KeyValue {
	m := methodOf(r.Method)
	attrs := make([]attribute.KeyValue, 0, 12)
	attrs = append(attrs, m.attribute(), semconv.URLScheme(schemeOf(r)), semconv.URLPath(r.URL.Path),
		semconv.NetworkProtocolVersion(protocolOf(r.ProtoMajor, r.ProtoMinor)))
	if m.known == "" {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(r.Method))
	}
	if r.URL.RawQuery != "" {
		attrs = append(attrs, semconv.URLQuery(redactQuery(r.URL.RawQuery)))
	}
	if host, port := splitHost(r.Host); host != "" {
		attrs = append(attrs, semconv.ServerAddress(host))
		if port > 0 {
			attrs = append(attrs, semconv.ServerPort(port))
		}
	}
	if host, port := splitHost(r.RemoteAddr); host != "" {
		attrs = append(attrs, semconv.ClientAddress(host), semconv.NetworkPeerAddress(host), semconv.NetworkPeerPort(port))
	}
	if agent := r.UserAgent(); agent != "" {
		attrs = append(attrs, semconv.UserAgentOriginal(agent))
	}
	return attrs
}

func schemeOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// splitHost takes host[:port] apart; the port is 0 where there is none.
func splitHost(s string) (host string, port int) {
	host, p, err := net.SplitHostPort(s)
	if err != nil {
		return strings.Trim(s, "[]"), 0
	}
	port, _ = strconv.Atoi(p) // none that one could tell is none
	return host, port
}

// routeOf is the path of a pattern of http.ServeMux, which may begin with a method and a host.
func routeOf(pattern string) string {
	if at := strings.IndexByte(pattern, '/'); at >= 0 {
		return pattern[at:]
	}
	return ""
}

// serverMetrics are the instruments of a handler.
type serverMetrics struct {
	duration metric.Float64Histogram
	active   metric.Int64UpDownCounter
}

func newServerMetrics(p metric.MeterProvider) (*serverMetrics, error) {
	meter := p.Meter(scope)
	duration, err := meter.Float64Histogram("http.server.request.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of HTTP server requests."), metric.WithExplicitBucketBoundaries(durations...))
	active, err2 := meter.Int64UpDownCounter("http.server.active_requests", metric.WithUnit("{request}"),
		metric.WithDescription("Number of active HTTP server requests."))
	if err == nil {
		err = err2
	}
	return &serverMetrics{duration, active}, err
}

func (m *serverMetrics) began(r *http.Request) { m.addActive(r, 1) }

func (m *serverMetrics) addActive(r *http.Request, n int64) {
	if ctx := r.Context(); m.active.Enabled(ctx) {
		m.active.Add(ctx, n, metric.WithAttributes(methodOf(r.Method).attribute(), semconv.URLScheme(schemeOf(r))))
	}
}

func (m *serverMetrics) ended(r *http.Request, route string, code int, failed string, d time.Duration) {
	m.addActive(r, -1)
	ctx := r.Context()
	if !m.duration.Enabled(ctx) {
		return
	}
	attrs := make([]attribute.KeyValue, 0, 6)
	attrs = append(attrs, methodOf(r.Method).attribute(), semconv.URLScheme(schemeOf(r)),
		semconv.NetworkProtocolVersion(protocolOf(r.ProtoMajor, r.ProtoMinor)))
	if code != 0 {
		attrs = append(attrs, semconv.HTTPResponseStatusCode(code))
	}
	if route != "" {
		attrs = append(attrs, semconv.HTTPRoute(route))
	}
	if failed != "" {
		attrs = append(attrs, semconv.ErrorTypeKey.String(failed))
	}
	m.duration.Record(ctx, d.Seconds(), metric.WithAttributes(attrs...))
}
