package http

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/wire"
)

// sane fails the test if an answer blames the node, leads elsewhere or is no document of the contract.
func sane(t *testing.T, r reply) {
	t.Helper()
	switch {
	case r.Code >= 500:
		t.Fatalf("the node is to blame: %d %s", r.Code, r.Body)
	case r.Code >= 400:
		r.asProblem()
	case r.Code >= 300 || r.Code < 200:
		t.Fatalf("status %d to %q", r.Code, r.Header().Get("Location"))
	}
}

func FuzzRegister(f *testing.F) {
	f.Add([]byte(document))
	f.Add([]byte(`{"service": "payments", "id": "payments-1", "address": "10.0.0.7", "port": 8080, "zone": "eu-1a", "weight": 100,
		"tags": ["v2"], "metadata": {"version": "2.3.1"}, "status": "healthy", "maintenance": {"enabled": false},
		"lease": {"ttl": "15s", "deregister_after": "10m"}, "checks": [{"name": "http", "type": "http", "path": "/health",
		"interval": "10s", "timeout": "2s", "rise": 1, "fall": 3, "headers": {"A": "b"}, "expect_status": 204}],
		"create_index": 12, "modify_index": 40, "incarnation": 40, "reported": {"status": "healthy"}}`))
	f.Add([]byte(`{"address": "::ffff:10.0.0.7", "port": -1, "tags": ["\ud800", "\u0000"]}`))
	f.Add([]byte(`{"checks": [null, {}], "lease": null}`))
	h := newHarness(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		before := h.node.State()
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, httptest.NewRequest("PUT", payments1, strings.NewReader(string(body))))
		r := reply{w, t}
		sane(t, r)
		if r.Code >= 400 {
			if h.node.State() != before {
				t.Fatalf("refused and written all the same: %s", r.Body)
			}
			return
		}
		// What was accepted reads back as it was answered, and can be written back without a change.
		read := (&harness{t, h.node, h.api}).call("GET", payments1, "")
		if read.Body.String() != w.Body.String() {
			t.Fatalf("answered %s and stored %s", w.Body, read.Body)
		}
		again := (&harness{t, h.node, h.api}).call("PUT", payments1, read.Body.String())
		if again.Code != 200 || again.Body.String() != read.Body.String() {
			t.Fatalf("writing back %s gave %d %s", read.Body, again.Code, again.Body)
		}
	})
}

func FuzzBatch(f *testing.F) {
	f.Add([]byte(batchOf(register2, `{"deregister": {"service": "payments", "id": "payments-2"}}`)))
	f.Add([]byte(batchOf(`{"health": {"service": "payments", "id": "payments-2", "status": "healthy"}}`, "null", "[]")))
	h := newHarness(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		before := h.node.State()
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, httptest.NewRequest("POST", wire.PathBatch, strings.NewReader(string(body))))
		sane(t, reply{w, t})
		if w.Code >= 400 && h.node.State() != before {
			t.Fatalf("refused and written all the same: %s", w.Body)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, target := range []string{
		"/v1/services", "/v1/services/payments", payments1, payments1 + "/health", "/v1/batch", "/metrics", "*", "//", "/..",
		"/v1/services/..%2f..", "/v1/services/a%2Fb/instances/%00", "http://x/v1/services", "/v1/services?filter=((a",
		"/v1/services?tag=a&meta.k=v&zone=z&max_stale=1s&min_index=1&wait=0s&consistency=linearizable&cluster=c",
	} {
		for _, method := range []string{"GET", "PUT", "DELETE", "CONNECT"} {
			f.Add(method, target)
		}
	}
	h := newHarness(f)
	h.register("payments", "payments-1")
	f.Fuzz(func(t *testing.T, method, target string) {
		if strings.Contains(target, "min_index") && !strings.Contains(target, "wait=0s") {
			t.Skip("would wait")
		}
		r, err := request(method, target, document)
		if err != nil {
			t.Skip("refused by net/http")
		}
		w := httptest.NewRecorder()
		h.api.ServeHTTP(w, r)
		if w.Code != wire.CodeIndexNotReached.Status() {
			sane(t, reply{w, t})
		}
	})
}
