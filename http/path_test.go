package http

import (
	"testing"

	"github.com/musterhq/muster/internal/wire"
)

func TestAPathThatNamesNothingGetsAProblemAndNoRedirect(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	defer h.unchanged()()
	for path, code := range map[string]wire.Code{
		"/":                            wire.CodeNotFound,
		"//":                           wire.CodeNotFound,
		"/v1":                          wire.CodeNotFound,
		"/v2/services":                 wire.CodeNotFound,
		"/V1/services":                 wire.CodeNotFound,
		"//v1/services":                wire.CodeNotFound,
		"/v1//services":                wire.CodeNotFound,
		"/v1/services/":                wire.CodeNotFound,
		"/v1/services//":               wire.CodeNotFound,
		"/v1/./services":               wire.CodeNotFound,
		"/v1/x/../services":            wire.CodeNotFound,
		"/v1/s%65rvices":               wire.CodeNotFound,
		"/v1/services/a/":              wire.CodeNotFound,
		"/v1/services/a/instances/":    wire.CodeNotFound,
		"/v1/services//instances/a":    wire.CodeNotFound,
		payments1 + "/":                wire.CodeNotFound,
		payments1 + "/histories":       wire.CodeNotFound,
		"/v1/watches":                  wire.CodeNotFound,
		"http://other.example/":        wire.CodeNotFound,
		"/v1/services/..":              wire.CodeInvalidRequest,
		"/v1/services/.":               wire.CodeInvalidRequest,
		"/v1/services/%2e%2e":          wire.CodeInvalidRequest,
		"/v1/services/.hidden":         wire.CodeInvalidRequest,
		"/v1/services/..%2fcluster":    wire.CodeInvalidRequest,
		"/v1/services/a%2f..%2fb":      wire.CodeInvalidRequest,
		"/v1/services/a%252fb":         wire.CodeInvalidRequest,
		"/v1/services/a%00":            wire.CodeInvalidRequest,
		"/v1/services/a%0d%0ab":        wire.CodeInvalidRequest,
		"/v1/services/a%20b":           wire.CodeInvalidRequest,
		"/v1/services/a+b":             wire.CodeInvalidRequest,
		"/v1/services/%ff":             wire.CodeInvalidRequest,
		"/v1/services/gr%C3%B6%C3%9Fe": wire.CodeInvalidRequest,
		"/v1/services/a%5cb":           wire.CodeInvalidRequest,
		"/v1/services/a/instances/..":  wire.CodeInvalidRequest,
	} {
		r := h.call("GET", path, "")
		r.problem(code)
		if location := r.Header().Get("Location"); location != "" {
			t.Errorf("%s leads to %s", path, location)
		}
	}
	for _, path := range []string{
		"/v1/services/payments/instances/..", "/v1/services/../instances/a", "/v1/services/a/instances/%00",
		"/v1/services/a/instances/..%2f..%2fbatch", "/v1/services//instances/a", "//v1/services/a/instances/b",
	} {
		r := h.call("PUT", path, document)
		if p := r.asProblem(); r.Code != 400 && r.Code != 404 || p.Outcome != wire.NotApplied {
			t.Errorf("PUT %s: %d, outcome %q", path, r.Code, p.Outcome)
		}
	}
}

func TestANameOfTheGreatestLengthIsAName(t *testing.T) {
	h := newHarness(t)
	name := make([]byte, 128)
	for n := range name {
		name[n] = 'a'
	}
	h.register(string(name), string(name))
	h.call("GET", "/v1/services/"+string(name)+"a", "").about(wire.CodeInvalidRequest, "service", "128")
}

func TestAnEncodedNameIsDecodedOnce(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "a:1")
	for _, path := range []string{"/v1/services/payments/instances/a:1", "/v1/services/p%61yments/instances/a%3A1"} {
		h.call("GET", path, "").want(200)
	}
}

func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	h := newHarness(t)
	h.register("payments", "payments-1")
	defer h.unchanged()()
	for _, c := range []struct{ method, path, allow string }{
		{"POST", "/v1/services", "GET, HEAD"},
		{"DELETE", "/v1/services/payments", "GET, HEAD"},
		{"GET", "/v1/services/payments/instances", "POST"},
		{"POST", payments1, "GET, HEAD, PUT, DELETE"},
		{"PATCH", payments1, "GET, HEAD, PUT, DELETE"},
		{"OPTIONS", payments1, "GET, HEAD, PUT, DELETE"},
		{"GET", payments1 + "/health", "PUT"},
		{"POST", payments1 + "/maintenance", "PUT"},
		{"GET", "/v1/batch", "POST"},
		{"PUT", "/v1/cluster/self", "GET, HEAD"},
		{"POST", "/readyz", "GET, HEAD"},
		{"BREW", "/healthz", "GET, HEAD"},
	} {
		r := h.call(c.method, c.path, "")
		r.about(wire.CodeMethodNotAllowed, c.method, c.allow)
		if got := r.Header().Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow is %q, want %q", c.method, c.path, got, c.allow)
		}
	}
	h.call("OPTIONS", "*", "").problem(wire.CodeNotFound)
}
