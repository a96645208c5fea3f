package http

import (
	"fmt"
	nethttp "net/http"
	"strings"

	"github.com/gorilla/mux"

	"github.com/musterhq/muster/internal/wire"
)

// guard refuses what no handler should see, on every route alike: a page of another site that makes a browser write
// here, and a body beyond the limit. It also lets no handler read past that limit.
func (a *api) guard(w *answer, r *nethttp.Request, limit int64) error {
	if err := a.origins.Check(r); err != nil {
		return wire.NewProblem(wire.CodeForbidden, err.Error()+
			": browsers may write to this node only from its own pages")
	}
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	r.Body = nethttp.MaxBytesReader(w.ResponseWriter, r.Body, limit)
	return nil
}

func tooLarge(limit int64) error {
	return wire.NewProblem(wire.CodeTooLarge, fmt.Sprintf("the body has more than %d KiB, which is the most here", limit>>10))
}

// notFound answers for paths that no route has.
func (a *api) notFound(_ *answer, r *nethttp.Request) error {
	return wire.NewProblem(wire.CodeNotFound, fmt.Sprintf("there is nothing at %s", r.URL.EscapedPath()))
}

// methodNotAllowed answers for methods that none of the path's routes has.
func (a *api) methodNotAllowed(w *answer, r *nethttp.Request) error {
	allowed := strings.Join(a.allowed(r), ", ")
	w.Header().Set("Allow", allowed)
	return wire.NewProblem(wire.CodeMethodNotAllowed, fmt.Sprintf("%s knows %s, not %s", r.URL.EscapedPath(), allowed, r.Method))
}

// allowed lists the methods with which a route would take the request.
func (a *api) allowed(r *nethttp.Request) []string {
	var methods []string
	for _, method := range []string{get, nethttp.MethodHead, put, post, del} {
		probe := *r
		probe.Method = method
		var match mux.RouteMatch
		if a.router.Match(&probe, &match) && match.MatchErr == nil {
			methods = append(methods, method)
		}
	}
	return methods
}
