package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// testNode is a node that does one thing and counts how often it was asked.
type testNode struct {
	url   string
	asked atomic.Int32
}

func serve(t *testing.T, handle http.HandlerFunc) *testNode {
	t.Helper()
	n := &testNode{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.asked.Add(1)
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	n.url = server.URL
	return n
}

func answering(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set(wire.HeaderIndex, "7")
	fmt.Fprint(w, `{"index": 7}`)
}

// failing answers with a problem.
func failing(code wire.Code, outcome wire.Outcome) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		p := wire.NewProblem(code, "said so")
		p.Outcome = outcome
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p)
	}
}

// hangingUp takes the call and closes the connection without a word.
func hangingUp(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// cuttingOff answers with half of a document.
func cuttingOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	fmt.Fprint(w, `{"index":`)
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func strange(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "bad gateway", http.StatusBadGateway)
}

func redirecting(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/elsewhere", http.StatusMovedPermanently)
}

// unreachable is an address where nothing listens.
func unreachable(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String()
}

func client(t *testing.T, addresses ...string) *Client {
	t.Helper()
	c, err := New(addresses...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestWhenTheNextNodeIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		first               http.HandlerFunc
		repeatable, command bool // goes on to the second node
	}{
		"no leader, not applied":     {failing(wire.CodeNoLeader, wire.NotApplied), true, true},
		"no leader, outcome unknown": {failing(wire.CodeNoLeader, wire.OutcomeUnknown), true, false},
		"no leader, nothing said":    {failing(wire.CodeNoLeader, ""), true, false},
		"overloaded":                 {failing(wire.CodeOverloaded, wire.NotApplied), true, true},
		"not ready":                  {failing(wire.CodeNotReady, ""), true, false},
		"not found":                  {failing(wire.CodeServiceNotFound, wire.NotApplied), false, false},
		"invalid":                    {failing(wire.CodeInvalidRequest, wire.NotApplied), false, false},
		"precondition failed":        {failing(wire.CodePreconditionFailed, wire.NotApplied), false, false},
		"internal error":             {failing(wire.CodeInternal, wire.OutcomeUnknown), false, false},
		"a code of the future":       {failing("brand_new", wire.NotApplied), false, false},
		"hangs up":                   {hangingUp, true, false},
		"cuts off":                   {cuttingOff, true, false},
		"silent":                     {silent, true, false},
		"a proxy's error":            {strange, true, false},
		"a redirect":                 {redirecting, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			first, second := serve(t, c.first), serve(t, answering)
			asks := func(what string, call request, want bool) {
				first.asked.Store(0)
				second.asked.Store(0)
				if name == "silent" {
					call.patience = time.Second // in which a busy machine, too, has the call arrive
				}
				_, err := Do(t.Context(), client(t, first.url, second.url), Call[wire.Deregistered]{call})
				if went := second.asked.Load() == 1; went != want || (err == nil) != want || first.asked.Load() != 1 {
					t.Errorf("%s: went on: %v (%v), want %v; the first node was asked %d times", what, went, err, want, first.asked.Load())
				}
			}
			asks("read", Services(Query{}).request, c.repeatable)
			asks("write", Deregister("payments", "p1", 0).request, c.repeatable)
			asks("command", RemoveNode("n2", false).request, c.command)
		})
	}
}

// One key stands on all tries of a write, and another on the next write.
func TestAllTriesOfAWriteHaveOneKey(t *testing.T) {
	keys := make(chan string, 4)
	recorded := func(handle http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			keys <- r.Header.Get("Idempotency-Key")
			handle(w, r)
		}
	}
	c := client(t, serve(t, recorded(hangingUp)).url, serve(t, recorded(answering)).url)
	for range 2 {
		if _, err := Do(t.Context(), c, Deregister("payments", "p1", 0)); err != nil {
			t.Fatal(err)
		}
	}
	one, again, another := <-keys, <-keys, <-keys
	if one == "" || one != again || one == another {
		t.Errorf("the keys are %q, %q and %q", one, again, another)
	}
}

// What the last node says of its own try does not tell what became of those before, unless the log itself speaks.
func TestAnOpenTryStaysOpenUntilTheLogHasDecided(t *testing.T) {
	for name, c := range map[string]struct {
		second http.HandlerFunc
		open   bool
	}{
		"no leader":           {failing(wire.CodeNoLeader, wire.NotApplied), true},
		"disk full":           {failing(wire.CodeDiskFull, wire.NotApplied), true},
		"precondition failed": {failing(wire.CodePreconditionFailed, wire.NotApplied), false},
		"not there":           {failing(wire.CodeInstanceNotFound, wire.NotApplied), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Do(t.Context(), client(t, serve(t, hangingUp).url, serve(t, c.second).url), Deregister("payments", "p1", 0))
			if err == nil || fault.IsUnknown(err) != c.open {
				t.Errorf("%v, unknown: %v, want %v", err, fault.IsUnknown(err), c.open)
			}
		})
	}
}

func TestWhatIsUnknownOfAWrite(t *testing.T) {
	for name, c := range map[string]struct {
		node http.HandlerFunc
		want bool
	}{
		"hangs up":        {hangingUp, true},
		"cuts off":        {cuttingOff, true},
		"silent":          {silent, true},
		"a proxy's error": {strange, true},
		"no JSON":         {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, true},
		"unknown":         {failing(wire.CodeTimeout, wire.OutcomeUnknown), true},
		"not applied":     {failing(wire.CodeTimeout, wire.NotApplied), false},
		"refused":         {failing(wire.CodeInvalidRequest, wire.NotApplied), false},
	} {
		t.Run(name, func(t *testing.T) {
			call := Deregister("payments", "p1", 0)
			call.patience = 100 * time.Millisecond
			_, err := Do(t.Context(), client(t, serve(t, c.node).url), call)
			if err == nil || fault.IsUnknown(err) != c.want {
				t.Errorf("%v, unknown: %v, want %v", err, fault.IsUnknown(err), c.want)
			}
			read := Services(Query{})
			read.patience = call.patience
			if _, err := Do(t.Context(), client(t, serve(t, c.node).url), read); c.want && name != "unknown" && fault.IsUnknown(err) {
				t.Errorf("a read's outcome is not unknown: %v", err)
			}
		})
	}
}

func TestNodesThatCannotBeReachedArePassedOver(t *testing.T) {
	alive := serve(t, answering)
	c := client(t, unreachable(t), "http://no.such.host.invalid:7300", alive.url)
	answer, err := Do(t.Context(), c, Deregister("payments", "p1", 0))
	if err != nil || answer.Body.Index != 7 || answer.Index != 7 {
		t.Errorf("%+v, %v", answer, err)
	}
}

func TestNobodyThere(t *testing.T) {
	a, b := unreachable(t), unreachable(t)
	_, err := Do(t.Context(), client(t, a, b), Deregister("payments", "p1", 0))
	e, ok := errors.AsType[*UnreachableError](err)
	if !ok || len(e.Attempts) != 2 || e.Attempts[0].Node != a || e.Attempts[1].Node != b {
		t.Fatalf("%#v", err)
	}
	if want := "no node reachable (" + a + ": connection refused; " + b + ": connection refused)"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if fault.IsUnknown(err) {
		t.Error("nothing was sent, so the outcome is known")
	}
}

func TestWhatANodeSaidOutweighsWhatWasNotReached(t *testing.T) {
	waiting := serve(t, failing(wire.CodeNoLeader, wire.NotApplied))
	broken := serve(t, hangingUp)
	for _, order := range [][]string{
		{unreachable(t), waiting.url},
		{waiting.url, unreachable(t)},
		{broken.url, waiting.url, unreachable(t)},
	} {
		if _, err := Do(t.Context(), client(t, order...), Services(Query{})); !errors.Is(err, fault.ErrNoLeader) {
			t.Errorf("%v, want no leader", err)
		}
	}
}

func TestErrorsAreThoseThatTheNodeHad(t *testing.T) {
	for code, want := range map[wire.Code]error{
		wire.CodeServiceNotFound:  registry.ErrServiceNotFound,
		wire.CodeInstanceNotFound: registry.ErrInstanceNotFound,
		wire.CodeNoLeader:         fault.ErrNoLeader,
		wire.CodeForbidden:        wire.ErrForbidden,
	} {
		_, err := Do(t.Context(), client(t, serve(t, failing(code, "")).url), Discover("payments", Query{}))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
	}
}

// What stands between a client and its nodes may answer anything under the status of success. That is no node's word.
func TestWhatIsNoAnswerToTheCallIsNotTakenForOne(t *testing.T) {
	beats := []wire.Heartbeat{{Service: "payments", ID: "p1"}, {Service: "payments", ID: "p2"}}
	instance := registry.Instance{Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 80}
	for _, body := range []string{
		"", "{}", "null", `[]`, `{"status": "ok"}`,
		`{"type": "about:blank", "title": "No leader", "status": 503, "code": "no_leader"}`,
		`{"service": "payments", "instances": [null]}`, `{"service": "orders", "id": "p1", "instances": []}`,
		`{"renewed": 1}`, `{"results": [{}]}`,
	} {
		node := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		c := client(t, node.url)
		for what, err := range map[string]error{
			"discovery":      fails(t, c, Discover("payments", Query{})),
			"registration":   fails(t, c, Register(instance)),
			"registrations":  fails(t, c, RegisterAll(instance, instance)),
			"deregistration": fails(t, c, Deregister("payments", "p1", 0)),
			"report":         fails(t, c, ReportHealth("payments", "p1", wire.HealthReport{Status: registry.Healthy})),
			"maintenance":    fails(t, c, SetMaintenance("payments", "p1", registry.Maintenance{})),
			"heartbeats":     fails(t, c, Heartbeats(time.Second, beats...)),
		} {
			if err == nil || !strings.Contains(err.Error(), "is this a muster node?") || fault.IsUnknown(err) == (what == "discovery") {
				t.Errorf("%s, answered %q: %v", what, body, err)
			}
		}
	}
}

func fails[T any](t *testing.T, c *Client, call Call[T]) error {
	t.Helper()
	_, err := Do(t.Context(), c, call)
	return err
}

func TestTheCallersTimeIsKept(t *testing.T) {
	first, second := serve(t, silent), serve(t, answering)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Do(ctx, client(t, first.url, second.url), Services(Query{}))
	if !errors.Is(err, fault.ErrTimeout) || second.asked.Load() != 0 {
		t.Errorf("%v; the second node was asked %d times", err, second.asked.Load())
	}
}

func TestWhatStandsOnTheWire(t *testing.T) {
	var got string
	node := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Method, r.RequestURI, r.Header.Get("Content-Type"), body))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"service": "a/b", "id": "10.0.0.7:80"}`)
	})
	c := client(t, node.url)
	i := registry.Instance{Service: "a/b", Address: "10.0.0.7", Port: 80}
	answer, err := Do(t.Context(), c, Register(i))
	if want := `POST /v1/services/a%2Fb/instances application/json {"address":"10.0.0.7","port":80}`; err != nil || !answer.Created || got != want {
		t.Errorf("%v, created %v\n%s\n%s", err, answer.Created, got, want)
	}
	if _, err = Do(t.Context(), c, Discover("a/b", Query{Filter: `id == "x&y"`, Tags: []string{"a", "b"}})); err != nil {
		t.Error(err)
	}
	if want := "GET /v1/services/a%2Fb?filter=id+%3D%3D+%22x%26y%22&tag=a&tag=b"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
