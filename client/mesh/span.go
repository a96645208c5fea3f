package mesh

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// span is the CLIENT span of one try. There is none around the call: the tries are what the wire saw.
type span struct {
	trace.Span
	began time.Time
	proto string // of the response: 1.1 or 2
}

// begin starts the span of a try. Its attributes are there from the start, so that a sampler can choose by them.
func (o *telemetry) begin(ctx context.Context, t *try, began time.Time) context.Context {
	r, i := t.call.req, t.picked.Instance()
	method := methodOf(r.Method)
	attrs := make([]attribute.KeyValue, 0, 8)
	attrs = append(attrs,
		method.attribute(), semconv.ServerAddress(t.call.service.name), semconv.ServerPort(portOf(r.URL)), semconv.URLFull(fullURL(r.URL)),
		semconv.NetworkPeerAddress(i.Address), semconv.NetworkPeerPort(i.Port))
	if method.known == "" {
		attrs = append(attrs, semconv.HTTPRequestMethodOriginal(r.Method))
	}
	if t.nth > 0 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(t.nth))
	}
	ctx, s := o.tracer.Start(ctx, method.spanName(), trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(began), trace.WithAttributes(attrs...))
	t.span = span{Span: s, began: began}
	return ctx
}

// end finishes the span of a try and records how long it took: one time for both.
func (o *telemetry) end(t *try, err error) {
	now := time.Now()
	failed := failureOf(t.code, err)
	o.metrics.tried(trace.ContextWithSpan(t.call.req.Context(), t.span.Span), t, now.Sub(t.span.began), failed)
	s := t.span.Span
	if s.IsRecording() {
		if t.code != 0 {
			s.SetAttributes(semconv.HTTPResponseStatusCode(t.code), semconv.NetworkProtocolVersion(t.span.proto))
		}
		switch {
		case t.lost.Load():
			s.AddEvent(errLost.Error())
		case failed != "":
			s.SetAttributes(semconv.ErrorTypeKey.String(failed))
			description := ""
			if err != nil {
				description = err.Error()
			}
			s.SetStatus(codes.Error, description)
		}
	}
	s.End(trace.WithTimestamp(now))
}

// failureOf is the error.type of a call that failed, from a set that does not grow: a status from 400 as it is, or a word
// or a type of Go for an error. Empty, where it did not fail.
func failureOf(code int, err error) string {
	switch {
	case errors.Is(err, errLost):
		return ""
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case err != nil:
		return semconv.ErrorType(err).Value.AsString()
	case code >= http.StatusBadRequest:
		return strconv.Itoa(code)
	default:
		return ""
	}
}

// method is a request's method as telemetry may show it.
type method struct{ known string }

// methodOf knows the methods of the conventions; any other could be anything.
func methodOf(m string) method {
	switch m {
	case "":
		return method{http.MethodGet}
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace, "QUERY":
		return method{m}
	default:
		return method{}
	}
}

func (m method) attribute() attribute.KeyValue {
	if m.known == "" {
		return semconv.HTTPRequestMethodOther
	}
	return semconv.HTTPRequestMethodKey.String(m.known)
}

func (m method) spanName() string {
	if m.known == "" {
		return "HTTP"
	}
	return m.known
}

// portOf is the port that the URL means. A service has none of its own.
func portOf(u *url.URL) int {
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return port
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

// protocolOf is the version of HTTP as the conventions write it.
func protocolOf(major, minor int) string {
	if major >= 2 {
		return strconv.Itoa(major)
	}
	return strconv.Itoa(major) + "." + strconv.Itoa(minor)
}
