package http

import (
	"errors"
	"fmt"
	"log/slog"
	nethttp "net/http"
	"runtime/debug"
	"strconv"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// fail answers with a problem document, in the one place that does.
func (a *api) fail(w *answer, r *nethttp.Request, err error) {
	problem := wire.ProblemOf(err)
	if writes(r) {
		problem = wire.WriteProblemOf(err)
	}
	if problem.Code == wire.CodeInternal {
		a.log.LogAttrs(r.Context(), slog.LevelError, "request failed",
			slog.String("route", w.route), slog.String("path", r.URL.EscapedPath()), slog.Any("error", err))
	}
	if problem.Code.Retryable() {
		w.Header().Set("Retry-After", strconv.Itoa(int(wire.RetryAfter.Seconds())))
	}
	body, err := encode(problem)
	if err != nil {
		panic(fmt.Sprintf("a problem document that can't be encoded: %v", err)) // it is made of strings and numbers
	}
	w.send(problem.Status, wire.TypeProblem, body)
}

// rescue answers for a handler that panicked. It must be deferred itself. Where the answer had begun it is cut off, so
// that the caller does not take the half for the whole.
func (a *api) rescue(w *answer, r *nethttp.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if err, ok := cause.(error); ok && errors.Is(err, nethttp.ErrAbortHandler) {
		panic(cause)
	}
	a.log.LogAttrs(r.Context(), slog.LevelError, "panic while answering",
		slog.String("route", w.route), slog.String("path", r.URL.EscapedPath()),
		slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
	if w.status != 0 {
		panic(nethttp.ErrAbortHandler)
	}
	// How far a write had come nobody can say.
	a.fail(w, r, fault.Unknown(fmt.Errorf("panic: %v", cause)))
}

// writes tells whether a request means to change something, so that its failure needs an outcome.
func writes(r *nethttp.Request) bool {
	switch r.Method {
	case nethttp.MethodGet, nethttp.MethodHead, nethttp.MethodOptions, nethttp.MethodTrace:
		return false
	default:
		return true
	}
}
