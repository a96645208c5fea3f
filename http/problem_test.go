package http

import (
	"bytes"
	"errors"
	"log/slog"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/wire"
)

// logging makes a harness whose log can be read.
func logging(t *testing.T, level slog.Level) (*harness, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	node := newSoloNode()
	server, err := New(Config{Node: node, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))})
	if err != nil {
		t.Fatal(err)
	}
	return &harness{t, node, server.Handler()}, &log
}

// panicking is a node that panics when it is asked about itself.
type panicking struct {
	*soloNode
	cause any
}

func (p panicking) Self() wire.Self { panic(p.cause) }

func TestAPanicIsAnswered(t *testing.T) {
	var log bytes.Buffer
	server, err := New(Config{Node: panicking{newSoloNode(), "secret cause"}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t, newSoloNode(), server.Handler()}
	p := h.call("GET", "/v1/cluster/self", "").problem(wire.CodeInternal)
	if p.Outcome != "" || strings.Contains(p.Detail, "secret") {
		t.Errorf("answered %+v", p)
	}
	for _, word := range []string{"secret cause", "problem_test.go", "route=self"} {
		if !strings.Contains(log.String(), word) {
			t.Errorf("%q is missing in the log: %s", word, log.String())
		}
	}
	h.call("GET", "/healthz", "").want(200)
}

func TestAPanicInAWriteLeavesItsOutcomeUnknown(t *testing.T) {
	api := testAPI(t)
	w := &answer{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequest("PUT", payments1, nil)
	func() {
		defer api.rescue(w, r)
		panic("half-way")
	}()
	p := reply{w.ResponseWriter.(*httptest.ResponseRecorder), t}.problem(wire.CodeInternal)
	if p.Outcome != wire.OutcomeUnknown {
		t.Errorf("outcome %q", p.Outcome)
	}
}

func TestAPanicAfterTheAnswerBeganCutsItOff(t *testing.T) {
	api := testAPI(t)
	w := &answer{ResponseWriter: httptest.NewRecorder()}
	r := httptest.NewRequest("GET", payments1, nil)
	defer func() {
		if cause, ok := recover().(error); !ok || !errors.Is(cause, nethttp.ErrAbortHandler) {
			t.Errorf("went on with %v", cause)
		}
	}()
	defer api.rescue(w, r)
	_, _ = w.Write([]byte(`{"instances": [`))
	panic("half-way")
}

func TestAnAbortIsNotRescued(t *testing.T) {
	api, recorder := testAPI(t), httptest.NewRecorder()
	defer func() {
		if cause, ok := recover().(error); !ok || !errors.Is(cause, nethttp.ErrAbortHandler) || recorder.Body.Len() > 0 {
			t.Errorf("went on with %v after %q", cause, recorder.Body)
		}
	}()
	defer api.rescue(&answer{ResponseWriter: recorder}, httptest.NewRequest("GET", payments1, nil))
	panic(nethttp.ErrAbortHandler)
}

func testAPI(t *testing.T) *api {
	t.Helper()
	server, err := New(Config{Node: newSoloNode()})
	if err != nil {
		t.Fatal(err)
	}
	return server.api
}

func TestAnInternalErrorIsLoggedAndNotTold(t *testing.T) {
	h, log := logging(t, slog.LevelInfo)
	h.node.refuse = errors.New("open /var/lib/muster/raft.db: input/output error")
	p := h.call("PUT", payments1, document).problem(wire.CodeInternal)
	if strings.Contains(p.Detail, "raft.db") {
		t.Errorf("told: %s", p.Detail)
	}
	if !strings.Contains(log.String(), "raft.db") {
		t.Errorf("not logged: %s", log)
	}
}

func TestRequestsAreLoggedAtDebugOnly(t *testing.T) {
	h, log := logging(t, slog.LevelInfo)
	h.call("GET", "/v1/services/nobody", "").want(404)
	if log.Len() > 0 {
		t.Errorf("logged at info: %s", log)
	}
	h, log = logging(t, slog.LevelDebug)
	h.call("GET", "/v1/services/no%0abody", "").want(400)
	for _, word := range []string{"route=discover", "method=GET", "path=/v1/services/no%0abody", "status=400"} {
		if !strings.Contains(log.String(), word) {
			t.Errorf("%q is missing in the log: %s", word, log)
		}
	}
}
