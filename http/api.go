package http

import (
	"log/slog"
	nethttp "net/http"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/musterhq/muster/internal/wire"
)

// api answers requests. It is the same for all of them and never changes.
type api struct {
	node    Node
	log     *slog.Logger
	router  *mux.Router
	origins *nethttp.CrossOriginProtection
	closing closing
	metrics *metrics
	scrape  nethttp.Handler
}

func newAPI(c Config) (*api, error) {
	metrics, err := newMetrics(c.Metrics, c.Node)
	if err != nil {
		return nil, err
	}
	a := &api{
		node:    c.Node,
		log:     c.Logger,
		origins: nethttp.NewCrossOriginProtection(),
		closing: newClosing(),
		metrics: metrics,
		// What can be gathered is shown even where something else can't.
		scrape: promhttp.HandlerFor(c.Metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}),
	}
	a.router = a.newRouter()
	return a, nil
}

// ServeHTTP is the only way in: every request passes here, and so does every panic on its way out.
func (a *api) ServeHTTP(rw nethttp.ResponseWriter, r *nethttp.Request) {
	w := &answer{ResponseWriter: rw, route: routeUnmatched, last: a.closing.begun}
	a.metrics.inFlight.Inc()
	defer a.observe(w, r, time.Now())
	defer a.rescue(w, r)
	a.introduce(w)
	a.router.ServeHTTP(w, r)
}

// introduce sets what every answer carries. A handler that shows a certain state, or has written, sets the index anew.
func (a *api) introduce(w *answer) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set(wire.HeaderNode, a.node.ID())
	if cluster := a.node.ClusterID(); cluster != "" {
		h.Set(wire.HeaderCluster, cluster)
	}
	if leader := a.node.LeaderHTTP(); leader != "" {
		h.Set(wire.HeaderLeader, leader)
	}
	w.index(a.node.State().Index())
}

// observe counts a request that has been answered and, at debug level, logs it.
func (a *api) observe(w *answer, r *nethttp.Request, began time.Time) {
	took := time.Since(began)
	a.metrics.inFlight.Dec()
	a.metrics.observe(w, r, took)
	if !a.log.Enabled(r.Context(), slog.LevelDebug) {
		return
	}
	a.log.LogAttrs(r.Context(), slog.LevelDebug, "request",
		slog.String("route", w.route),
		slog.String("method", r.Method),
		slog.String("path", r.URL.EscapedPath()),
		slog.Int("status", w.status),
		slog.Int64("bytes", w.bytes),
		slog.Duration("took", took),
		slog.String("from", r.RemoteAddr),
	)
}
