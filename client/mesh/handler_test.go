package mesh

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/musterhq/muster/lb"
)

func handled(t *testing.T, h http.Handler, opts ...Option) *httptest.Server {
	s := httptest.NewUnstartedServer(Handler(h, opts...))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func TestTheServersSpanGoesOnFromTheCallers(t *testing.T) {
	w := newTown(t)
	provider, spans := recorded(t)
	m := newMeter()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /charge/{id}", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) })
	s := handled(t, mux, WithTracerProvider(provider), WithMeterProvider(m))
	w.register(s.Listener.Addr().String())
	r, err := w.client(WithTracerProvider(provider)).Get("http://payments/charge/7?of=1")
	want(t, r, err, 500, "")
	got := spans.GetSpans()
	if len(got) != 2 {
		t.Fatalf("%d spans", len(got))
	}
	server, client := got[0], got[1]
	if server.SpanKind != trace.SpanKindServer {
		server, client = client, server
	}
	if server.Parent.SpanID() != client.SpanContext.SpanID() || server.Name != "GET /charge/{id}" || server.Status.Code != codes.Error {
		t.Errorf("%+v", server)
	}
	a := attributesOf(&server)
	for key, value := range map[string]string{
		"http.request.method": "GET", "url.path": "/charge/7", "url.query": "of=1", "url.scheme": "http", "http.route": "/charge/{id}",
		"server.address": "payments", "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1", "network.protocol.version": "1.1",
		"user_agent.original": "Go-http-client/1.1", "http.response.status_code": "500", "error.type": "500",
	} {
		if got := a[attribute.Key(key)]; got != value {
			t.Errorf("%s is %q, want %q", key, got, value)
		}
	}
	m.want(t, map[string]int64{
		"http.server.request.duration{error.type=500,http.request.method=GET,http.response.status_code=500,http.route=/charge/{id},network.protocol.version=1.1,url.scheme=http}": 1,
		"http.server.active_requests{http.request.method=GET,url.scheme=http}":                                                                                                    0,
	})
}

// TestEveryAnswerReportsTheLoad, in whichever way it is written.
func TestEveryAnswerReportsTheLoad(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"nothing":  func(http.ResponseWriter, *http.Request) {},
		"a status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"a body":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ten") },
		"a flush":  func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); time.Sleep(time.Millisecond) },
		"a copy":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, strings.NewReader("ten")) },
		"a hint":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(200) },
	} {
		t.Run(name, func(t *testing.T) {
			s := handled(t, h)
			r, err := http.Get(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			r.Body.Close()
			http.DefaultClient.CloseIdleConnections()
			l, err := lb.ParseLoad(r.Header.Get(lb.LoadHeader))
			if err != nil || l.InFlight != 1 {
				t.Errorf("%q: %+v, %v", r.Header.Get(lb.LoadHeader), l, err)
			}
		})
	}
}

func TestWhatTheServiceReportsItselfStands(t *testing.T) {
	h := Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(lb.LoadHeader, "TEXT cpu_utilization=0.5")
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Header()[loadHeader]; len(got) != 1 || got[0] != "TEXT cpu_utilization=0.5" {
		t.Errorf("%q", got)
	}
}

func TestAConnectionCanBeTakenOver(t *testing.T) {
	s := handled(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := bufio.NewReader(c).ReadString('\n')
		fmt.Fprint(c, line)
	}))
	w := newTown(t)
	w.register(s.Listener.Addr().String())
	tr := w.transport(WithStrategy("least-connections"))
	r, _ := http.NewRequest("GET", "http://payments/", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	resp, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	fmt.Fprint(resp.Body.(io.Writer), "hello\n")
	if line, err := bufio.NewReader(resp.Body).ReadString('\n'); line != "hello\n" {
		t.Errorf("%q, %v", line, err)
	}
	if _, err := resp.Body.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the last line: %v", err)
	}
	if n := inFlight(tr); n != 1 {
		t.Errorf("%d in flight while it can be written", n)
	}
	resp.Body.Close()
	if n := inFlight(tr); n != 0 {
		t.Errorf("%d in flight when it is closed", n)
	}
}

func TestAPanicGoesOnAndIsRecorded(t *testing.T) {
	provider, spans := recorded(t)
	m := newMeter()
	h := Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }), WithTracerProvider(provider), WithMeterProvider(m))
	func() {
		defer func() {
			if r := recover(); r != "oh" {
				t.Errorf("recovered %v", r)
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	s := spans.GetSpans()[0]
	if got := attributesOf(&s)["error.type"]; got != "panic" {
		t.Errorf("%q", got)
	}
	m.want(t, map[string]int64{"http.server.active_requests{http.request.method=GET,url.scheme=http}": 0})
}
