package http

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// harness is an API in front of a soloNode.
type harness struct {
	t    testing.TB
	node *soloNode
	api  nethttp.Handler
}

func newHarness(t testing.TB) *harness {
	t.Helper()
	node := newSoloNode()
	server, err := New(Config{Node: node})
	if err != nil {
		t.Fatal(err)
	}
	return &harness{t: t, node: node, api: server.Handler()}
}

// reply is the answer to one request.
type reply struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// call sends a request as it would stand on the connection; headers are "Name: value".
func (h *harness) call(method, target, body string, headers ...string) reply {
	h.t.Helper()
	r, err := request(method, target, body, headers...)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, target, err)
	}
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	return reply{w, h.t}
}

// callWith sends a request without a body on behalf of a caller who may leave.
func (h *harness) callWith(ctx context.Context, method, target string) reply {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, target, nil))
	return reply{w, h.t}
}

func request(method, target, body string, headers ...string) (*nethttp.Request, error) {
	headers = append(headers, "Host: node.example", fmt.Sprintf("Content-Length: %d", len(body)))
	raw := fmt.Sprintf("%s %s HTTP/1.1\r\n%s\r\n\r\n%s", method, target, strings.Join(headers, "\r\n"), body)
	return nethttp.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
}

// want fails the test unless the answer has the status.
func (r reply) want(status int) reply {
	r.t.Helper()
	if r.Code != status {
		r.t.Fatalf("status %d, want %d: %s", r.Code, status, r.Body)
	}
	return r
}

// problem fails the test unless the answer is a problem document of the code, and returns it.
func (r reply) problem(code wire.Code) *wire.Problem {
	r.t.Helper()
	p := r.asProblem()
	if p.Code != code || r.Code != code.Status() {
		r.t.Fatalf("answer %d %s, want %s: %s", r.Code, p.Code, code, p.Detail)
	}
	if retry := r.Header().Get("Retry-After"); (retry != "") != code.Retryable() {
		r.t.Errorf("%s comes with Retry-After %q", code, retry)
	}
	return p
}

// about is problem, whose detail must hold all of words.
func (r reply) about(code wire.Code, words ...string) {
	r.t.Helper()
	p := r.problem(code)
	for _, word := range words {
		if !strings.Contains(p.Detail, word) {
			r.t.Errorf("the detail does not speak of %q: %s", word, p.Detail)
		}
	}
}

func (r reply) asProblem() *wire.Problem {
	r.t.Helper()
	if mediaType := r.Header().Get("Content-Type"); mediaType != wire.TypeProblem {
		r.t.Fatalf("status %d of type %q: %s", r.Code, mediaType, r.Body)
	}
	p := decoded[wire.Problem](r)
	if p.Type != "about:blank" || p.Title == "" || p.Status != r.Code || p.Detail == "" {
		r.t.Errorf("incomplete problem: %s", r.Body)
	}
	return &p
}

func decoded[T any](r reply) T {
	r.t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(r.Body.String()))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		r.t.Fatalf("%v: %s", err, r.Body)
	}
	return v
}

// register registers an instance that nobody has anything to say of.
func (h *harness) register(service, id string) registry.Instance {
	h.t.Helper()
	return h.put(service, id, document)
}

// put registers a document.
func (h *harness) put(service, id, doc string) registry.Instance {
	h.t.Helper()
	r := h.call("PUT", wire.PathInstance(service, id), doc)
	if r.Code != 200 && r.Code != 201 {
		h.t.Fatalf("status %d: %s", r.Code, r.Body)
	}
	return decoded[registry.Instance](r)
}

// document is the least that a registration needs.
const document = `{"address": "10.0.0.7", "port": 8080}`

// unchanged fails the test if anything was written since it was called.
func (h *harness) unchanged() func() {
	before := h.node.State()
	return func() {
		h.t.Helper()
		if after := h.node.State(); after != before {
			h.t.Errorf("something was written: index %d became %d", before.Index(), after.Index())
		}
	}
}
