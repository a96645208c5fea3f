package http

import (
	nethttp "net/http"

	"github.com/gorilla/mux"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/wire"
)

// handler answers one kind of call. What it returns becomes a problem document, so it must not have begun to answer.
type handler func(w *answer, r *nethttp.Request) error

// route is one call that this node answers.
type route struct {
	name   string // in metrics, logs and tests
	method string // GET answers HEAD too
	path   string
	body   int64 // the most bytes that a body may have
	handle handler
}

const (
	get  = nethttp.MethodGet
	put  = nethttp.MethodPut
	post = nethttp.MethodPost
	del  = nethttp.MethodDelete
)

// routes is every call of the API.
func (a *api) routes() []route {
	const (
		service   = wire.PathServices + "/{service}"
		instances = service + "/instances"
		instance  = instances + "/{id}"
	)
	return []route{
		{"services", get, wire.PathServices, maxBody, a.listServices},
		{"discover", get, service, maxBody, a.discover},

		{"register", post, instances, maxBody, a.postInstance},
		{"register_as", put, instance, maxBody, a.putInstance},
		{"instance", get, instance, maxBody, a.getInstance},
		{"deregister", del, instance, maxBody, a.deleteInstance},
		{"report_health", put, instance + "/health", maxBody, a.reportHealth},
		{"set_maintenance", put, instance + "/maintenance", maxBody, a.setMaintenance},
		{"history", get, instance + "/history", maxBody, a.history},
		{"heartbeat", post, instance + "/heartbeat", maxBody, a.heartbeat},
		{"heartbeats", post, wire.PathHeartbeats, maxBatchBody, a.heartbeats},
		{"batch", post, wire.PathBatch, maxBatchBody, a.batch},

		{"watch", get, wire.PathWatch, maxBody, a.watch},
		{"end_watch", del, wire.PathWatch + "/{id}", maxBody, a.endWatch},
		{"acknowledge", post, wire.PathWatch + "/{id}/ack", maxBody, a.acknowledge},

		{"cluster", get, wire.PathCluster, maxBody, a.cluster},
		{"self", get, wire.PathSelf, maxBody, a.self},
		{"transfer", post, wire.PathLeadership, maxBody, a.transfer},
		{"remove_node", del, wire.PathNodes + "/{id}", maxBody, a.removeNode},
		{"save_snapshot", get, wire.PathSnapshot, maxBody, a.saveSnapshot},
		{"restore_snapshot", put, wire.PathSnapshot, fsm.MaxSnapshot, a.restoreSnapshot},
		{"healthz", get, wire.PathHealthz, maxBody, a.healthz},
		{"readyz", get, wire.PathReadyz, maxBody, a.readyz},
		{"metrics", get, wire.PathMetrics, maxBody, a.showMetrics},
	}
}

// routeUnmatched is the name under which requests go that no route takes.
const routeUnmatched = "unmatched"

// newRouter lets gorilla/mux match the routes, with all that it would do besides switched off: a path is matched as it
// was sent, so %2F stays within a name, and is never cleaned, since the redirect that follows loses the body of a write.
func (a *api) newRouter() *mux.Router {
	router := mux.NewRouter().UseEncodedPath().SkipClean(true).StrictSlash(false)
	for _, rt := range a.routes() {
		methods := []string{rt.method}
		if rt.method == get {
			methods = append(methods, nethttp.MethodHead)
		}
		// The path comes before the methods: mux forgets that a method was wrong as soon as any later route's first
		// condition is met.
		router.Path(rt.path).Methods(methods...).Name(rt.name).Handler(a.serve(rt))
	}
	router.NotFoundHandler = a.serve(route{name: routeUnmatched, body: maxBody, handle: a.notFound})
	router.MethodNotAllowedHandler = a.serve(route{name: routeUnmatched, body: maxBody, handle: a.methodNotAllowed})
	return router
}

// serve makes a handler for mux of a route: guarded before it begins, and answered for where it fails.
func (a *api) serve(rt route) nethttp.Handler {
	return nethttp.HandlerFunc(func(rw nethttp.ResponseWriter, r *nethttp.Request) {
		w := rw.(*answer) // made by ServeHTTP, which is the only way in
		w.route = rt.name
		err := a.guard(w, r, rt.body)
		if err == nil {
			err = rt.handle(w, r)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	})
}
