package http

import (
	"errors"
	"fmt"
	nethttp "net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a node tells of its requests and of its state. Their labels are bounded by the API: no name of a
// service or an instance, and nothing else that a caller can make up, becomes one.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	streams  prometheus.Gauge
	events   *prometheus.CounterVec
}

func newMetrics(registerer prometheus.Registerer, node Node) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_http_requests_total",
			Help: "Requests answered, by route, method and status code.",
		}, []string{"route", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "muster_http_request_duration_seconds",
			Help:    "Time from a request's headers to the end of its answer, waiting included.",
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5, 15, 60},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "muster_http_requests_in_flight",
			Help: "Requests that are being answered.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "muster_watch_streams",
			Help: "Watches under way.",
		}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "muster_watch_events_total",
			Help: "Events written to watches, by their kind.",
		}, []string{"event"}),
	}
	collectors := append([]prometheus.Collector{m.requests, m.duration, m.inFlight, m.streams, m.events}, stateMetrics(node)...)
	var errs []error
	for _, c := range collectors {
		errs = append(errs, registerer.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("http: registering metrics: %w", err)
	}
	return m, nil
}

// stateMetrics are read from the node whenever somebody looks.
func stateMetrics(node Node) []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	return []prometheus.Collector{
		gauge("muster_registry_instances", "Instances registered, whatever their status.",
			func() float64 { return float64(node.State().Len()) }),
		gauge("muster_registry_services", "Services with at least one instance.", func() float64 {
			services := 0
			for range node.State().Services() {
				services++
			}
			return float64(services)
		}),
		gauge("muster_applied_index", "Index of the last log entry that this node has applied.",
			func() float64 { return float64(node.State().Index()) }),
		gauge("muster_read_age_seconds", "For how long this node can't vouch for what local reads show.", func() float64 {
			age, _ := node.Freshness()
			return age.Seconds()
		}),
		gauge("muster_ready", "1 once this node knows a leader and has caught up, 0 until then.", func() float64 {
			if node.Ready() != nil {
				return 0
			}
			return 1
		}),
	}
}

// observe counts one request.
func (m *metrics) observe(w *answer, r *nethttp.Request, took time.Duration) {
	method := boundedMethod(r.Method)
	m.requests.WithLabelValues(w.route, method, strconv.Itoa(w.status)).Inc()
	m.duration.WithLabelValues(w.route, method).Observe(took.Seconds())
}

// boundedMethod keeps a caller from making up methods, each of which would be a time series.
func boundedMethod(method string) string {
	switch method {
	case nethttp.MethodGet, nethttp.MethodHead, nethttp.MethodPost, nethttp.MethodPut, nethttp.MethodDelete:
		return method
	default:
		return "other"
	}
}
