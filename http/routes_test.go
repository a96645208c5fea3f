package http

import (
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"github.com/musterhq/muster/internal/wire"
)

// walk visits every route that mux knows with a path that it takes.
func walk(t *testing.T, visit func(name, method, path string)) {
	t.Helper()
	visited := 0
	err := testAPI(t).router.Walk(func(rt *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		template, err := rt.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := rt.GetMethods()
		if err != nil {
			return err
		}
		path := strings.NewReplacer("{service}", "payments", "{id}", "payments-1").Replace(template)
		for _, method := range methods {
			visited++
			visit(rt.GetName(), method, path)
		}
		return nil
	})
	if err != nil || visited < 14 {
		t.Fatalf("%d routes were walked: %v", visited, err)
	}
}

// standard fails the test unless the answer carries what every answer carries.
func standard(t *testing.T, r reply, where string) {
	t.Helper()
	for header, want := range map[string]string{
		wire.HeaderNode: "n1", wire.HeaderCluster: "01CLUSTER", wire.HeaderLeader: "http://n1.example:7300",
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := r.Header().Get(header); got != want {
			t.Errorf("%s: %s is %q, want %q", where, header, got, want)
		}
	}
	if r.Header().Get(wire.HeaderIndex) == "" {
		t.Errorf("%s: no %s", where, wire.HeaderIndex)
	}
}

func TestEveryRouteRefusesAnUnknownParameterInAProblemWithTheStandardHeaders(t *testing.T) {
	walk(t, func(name, method, path string) {
		h := newHarness(t)
		h.register("payments", "payments-1")
		defer h.unchanged()()
		r := h.call(method, path+"?surprise=1", "{}")
		r.about(wire.CodeInvalidRequest, "surprise")
		standard(t, r, name)
		if p, writing := r.asProblem(), method != "GET" && method != "HEAD"; writing != (p.Outcome == wire.NotApplied) {
			t.Errorf("%s: %s has the outcome %q", name, method, p.Outcome)
		}
	})
}

func TestEveryRouteHasItsLimitOfABody(t *testing.T) {
	walk(t, func(name, method, path string) {
		if name == "restore_snapshot" {
			return // TestASnapshotBeyondTheLimitIsRefused
		}
		h := newHarness(t)
		limit := maxBody
		if name == "batch" || name == "heartbeats" {
			limit = maxBatchBody
		}
		r := h.call(method, path, strings.Repeat("x", limit+1))
		r.problem(wire.CodeTooLarge)
		standard(t, r, name)
	})
}

func TestEveryWriteReadsItsBodyStrictly(t *testing.T) {
	walk(t, func(name, method, path string) {
		if method != "PUT" && method != "POST" || name == "restore_snapshot" {
			return // that one reads no JSON
		}
		h := newHarness(t)
		h.register("payments", "payments-1")
		defer h.unchanged()()
		for _, body := range []string{"", "null", "[]", "{", `{"surprise": 1}`, "{}{}", "\xff"} {
			if body == "" && (name == "transfer" || name == "heartbeat") {
				continue // the one is to any node then, the other says all in its path
			}
			h.call(method, path, body).problem(wire.CodeInvalidRequest)
		}
		h.call(method, path, "{}", "Content-Type: text/plain").problem(wire.CodeUnsupportedMediaType)
		h.call(method, path, "{}", "Content-Encoding: gzip").problem(wire.CodeUnsupportedMediaType)
		h.call(method, path, "{}", "Sec-Fetch-Site: cross-site").problem(wire.CodeForbidden)
	})
}

func TestEverySuccessCarriesTheStandardHeaders(t *testing.T) {
	bodies := map[string]string{
		"register": document, "register_as": document, "report_health": `{"status": "healthy"}`,
		"set_maintenance": `{"enabled": true}`, "batch": batchOf(register2), "restore_snapshot": snapshotOf(t, newHarness(t)),
		"heartbeats": `{"instances": [{"service": "payments", "id": "payments-1"}]}`,
	}
	walk(t, func(name, method, path string) {
		if name == "watch" || name == "acknowledge" || name == "end_watch" {
			return // the one does not end, the others need one that has not; TestAWatchBeginsWithWhatIsThere
		}
		h := newHarness(t)
		h.register("payments", "payments-1")
		r := h.call(method, path, bodies[name])
		if r.Code != 200 && r.Code != 201 && r.Code != 204 {
			t.Errorf("%s %s: %d: %s", method, path, r.Code, r.Body)
		}
		standard(t, r, name)
		if r.Code == 204 {
			return // without a body
		}
		if mediaType := r.Header().Get("Content-Type"); name != "metrics" && name != "save_snapshot" && mediaType != wire.TypeJSON {
			t.Errorf("%s is of type %q", name, mediaType)
		}
	})
}

func TestUnknownPathsAndMethodsCarryTheStandardHeaders(t *testing.T) {
	h := newHarness(t)
	standard(t, h.call("GET", "/nowhere", ""), "unknown path")
	standard(t, h.call("PATCH", payments1, ""), "unknown method")
	standard(t, h.call("GET", "/v1/services/..", ""), "bad name")
}

func TestHeadAnswersAsGetDoes(t *testing.T) {
	walk(t, func(name, method, path string) {
		if method != "HEAD" {
			return
		}
		h := newHarness(t)
		h.register("payments", "payments-1")
		get, head := h.call("GET", path, ""), h.call("HEAD", path, "")
		if get.Code != head.Code || get.Header().Get("Content-Length") != head.Header().Get("Content-Length") && name != "metrics" {
			t.Errorf("%s: GET %d of %s bytes, HEAD %d of %s", name, get.Code, get.Header().Get("Content-Length"),
				head.Code, head.Header().Get("Content-Length"))
		}
	})
}

func TestALeaderThatIsUnknownIsNotNamed(t *testing.T) {
	h := newHarness(t)
	h.node.leader = ""
	if _, ok := h.call("GET", "/healthz", "").want(200).Header()[wire.HeaderLeader]; ok {
		t.Error("a leader is named")
	}
}
