package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// recorded returns a provider and what its spans are.
func recorded(t *testing.T) (trace.TracerProvider, *tracetest.InMemoryExporter) {
	x := tracetest.NewInMemoryExporter()
	p := sdktrace.NewTracerProvider(sdktrace.WithSyncer(x))
	t.Cleanup(func() { _ = p.Shutdown(t.Context()) })
	return p, x
}

// attributesOf is the attributes of a span as text.
func attributesOf(s *tracetest.SpanStub) map[attribute.Key]string {
	m := map[attribute.Key]string{}
	for _, a := range s.Attributes {
		m[a.Key] = a.Value.String()
	}
	return m
}

func TestEachTryHasASpanOfTheLogicalCallAndOfTheInstance(t *testing.T) {
	w := newTown(t)
	parents := make(chan string, 10)
	note := func(code int) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			parents <- r.Header.Get("traceparent")
			rw.WriteHeader(code)
		}
	}
	w.serve(note(503))
	w.serve(note(503))
	provider, spans := recorded(t)
	c := w.client(WithTracerProvider(provider), WithRetries(1))
	ctx, outer := provider.Tracer("test").Start(t.Context(), "outer")
	r, _ := http.NewRequestWithContext(ctx, "GET", "http://user:secret@payments/charge?of=1", nil)
	resp, err := c.Do(r)
	want(t, resp, err, 503, "")
	outer.End()
	if len(r.Header["Traceparent"]) > 0 {
		t.Error("the headers of the caller were changed")
	}
	got := spans.GetSpans()
	if len(got) != 3 {
		t.Fatalf("%d spans", len(got))
	}
	ports := map[string]bool{}
	for n, s := range got[:2] {
		if s.SpanKind != trace.SpanKindClient || s.Name != "GET" || s.Parent.SpanID() != outer.SpanContext().SpanID() || s.Status.Code != codes.Error {
			t.Errorf("%+v", s)
		}
		a := attributesOf(&s)
		for key, value := range map[attribute.Key]string{
			"http.request.method": "GET", "server.address": "payments", "server.port": "80",
			"url.full":             "http://REDACTED:REDACTED@payments/charge?of=1",
			"network.peer.address": "127.0.0.1", "http.response.status_code": "503", "error.type": "503",
			"network.protocol.version": "1.1", "http.request.resend_count": []string{"", "1"}[n],
		} {
			if a[key] != value {
				t.Errorf("try %d: %s is %q, want %q", n, key, a[key], value)
			}
		}
		ports[a["network.peer.port"]] = true
		if parent, want := <-parents, fmt.Sprintf("00-%s-%s-01", s.SpanContext.TraceID(), s.SpanContext.SpanID()); parent != want {
			t.Errorf("try %d carried %q, want %q", n, parent, want)
		}
	}
	if len(ports) != 2 {
		t.Errorf("the two tries went to %v", ports)
	}
}

func TestASpanEndsWithTheBody(t *testing.T) {
	w := newTown(t)
	w.serve(new(hits).answer(200))
	provider, spans := recorded(t)
	r, err := w.client(WithTracerProvider(provider)).Get("http://payments/")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(spans.GetSpans()); n != 0 {
		t.Errorf("%d spans have ended before the body", n)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	r.Body.Close()
	got := spans.GetSpans()
	if len(got) != 1 || got[0].Status.Code != codes.Unset {
		t.Errorf("%+v", got)
	}
}

func TestErrorsHaveATypeOfFewValues(t *testing.T) {
	w := newTown(t)
	w.refuse()
	provider, spans := recorded(t)
	_, err := w.client(WithTracerProvider(provider), WithRetries(0)).Get("http://payments/")
	if err == nil {
		t.Fatal("a call succeeded")
	}
	s := spans.GetSpans()[0]
	if got := attributesOf(&s)["error.type"]; got != "*net.OpError" {
		t.Errorf("%q", got)
	}
	for want, err := range map[string]error{
		"canceled": &url.Error{Err: fmt.Errorf("%w", context.Canceled)}, "timeout": errTryTimeout, "": errLost,
		"*errors.errorString": errors.New("anything"),
	} {
		if got := failureOf(0, err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
}

func TestAMethodThatNobodyKnowsIsOther(t *testing.T) {
	w := newTown(t)
	w.serve(new(hits).answer(200))
	provider, spans := recorded(t)
	r, _ := http.NewRequest("CHARGE", "http://payments/", strings.NewReader(""))
	resp, err := w.client(WithTracerProvider(provider)).Do(r)
	want(t, resp, err, 200, "200 ")
	s := spans.GetSpans()[0]
	if a := attributesOf(&s); s.Name != "HTTP" || a["http.request.method"] != "_OTHER" || a["http.request.method_original"] != "CHARGE" {
		t.Errorf("%s %v", s.Name, a)
	}
}
