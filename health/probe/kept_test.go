package probe_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// counted serves HTTP and counts connections.
func counted(t *testing.T) (server *httptest.Server, connections *atomic.Int32) {
	t.Helper()
	connections = new(atomic.Int32)
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "fine") }))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server, connections
}

func TestAConnectionIsForTenToTwentyQuestionsByLot(t *testing.T) {
	server, connections := counted(t)
	p := prober(t, probe.Config{})
	target := at(t, server.Listener.Addr().String(), registry.Check{Type: registry.CheckHTTP})
	uses := make([]int, 12)
	for uses[len(uses)-1] == 0 {
		expect(t, p, target, probe.Passed, "200 OK")
		uses[min(int(connections.Load()), len(uses))-1]++
	}
	uses = uses[:len(uses)-1] // which has just begun
	for _, n := range uses {
		if n < 10 || n > 20 {
			t.Errorf("connections had %d questions each", uses)
		}
	}
	if slices.Min(uses) == slices.Max(uses) { // once in 11^10 times by chance
		t.Errorf("connections had %d questions each, so all of a crowd would be due together", uses)
	}
}

func TestAConnectionServesAnotherQuestionOfTheCheckOnlyOnceItIsNew(t *testing.T) {
	asked := make(chan string, 1)
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.URL.Path + " " + r.Header.Get("Accept")
	})
	p := prober(t, probe.Config{})
	for _, c := range []registry.Check{
		{Path: "/health"}, {Path: "/health"}, {Path: "/ready"}, {Path: "/ready", Method: http.MethodHead},
		{Path: "/ready", Headers: map[string]string{"Accept": "text/plain"}}, {Path: "/health"},
	} {
		c.Type = registry.CheckHTTP
		target := at(t, address, c)
		expect(t, p, target, probe.Passed, "200 OK")
		if got, want := <-asked, target.Check.Method+" "+c.Path+" "+c.Headers["Accept"]; got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
	}
}

func TestAConnectionThatWasClosedWhileItWasIdleIsNoEvidence(t *testing.T) {
	server, connections := counted(t)
	p := prober(t, probe.Config{})
	target := at(t, server.Listener.Addr().String(), registry.Check{Type: registry.CheckHTTP})
	for range 4 {
		expect(t, p, target, probe.Passed, "200 OK")
		server.CloseClientConnections()
	}
	if connections.Load() != 4 {
		t.Errorf("%d connections", connections.Load())
	}
	server.Close()
	expect(t, p, target, probe.Failed, "connection refused")
}

// A process that answers on old connections but accepts no new ones is found out, and then stays so.
func TestAListenerThatIsGoneIsNoticedThoughOldConnectionsAnswer(t *testing.T) {
	server, _ := counted(t)
	p := prober(t, probe.Config{})
	target := at(t, server.Listener.Addr().String(), registry.Check{Type: registry.CheckHTTP})
	expect(t, p, target, probe.Passed, "200 OK")
	_ = server.Listener.Close()
	var verdicts []probe.Verdict
	for range 30 {
		verdicts = append(verdicts, p.Probe(t.Context(), target).Verdict)
	}
	found := slices.Index(verdicts, probe.Failed)
	if found < 9 || found > 19 || slices.ContainsFunc(verdicts[found:], probe.Verdict.Good) {
		t.Errorf("after the first question came %v, want failures after 9 to 19 more, and no end of them", verdicts)
	}
}

func TestAConnectionOnWhichNothingComesIsNotUsedAgain(t *testing.T) {
	var silent atomic.Bool
	release := make(chan struct{})
	address := serve(t, func(http.ResponseWriter, *http.Request) {
		if silent.Load() {
			<-release
		}
	})
	defer close(release)
	p := prober(t, probe.Config{})
	target := at(t, address, registry.Check{Type: registry.CheckHTTP, Timeout: registry.Duration(50 * time.Millisecond)})
	expect(t, p, target, probe.Passed, "200 OK")
	silent.Store(true)
	expect(t, p, target, probe.Silent, "no answer within 50ms")
	silent.Store(false)
	expect(t, p, target, probe.Passed, "200 OK")
}

func TestConnectionsThatFindNoPlaceAreClosed(t *testing.T) {
	server, connections := counted(t)
	for keep, want := range map[int]int32{-1: 4, 1: 3} {
		connections.Store(0)
		p := prober(t, probe.Config{Keep: keep})
		for range 2 {
			for _, id := range []string{"web-1", "web-2"} {
				target := at(t, server.Listener.Addr().String(), registry.Check{Type: registry.CheckHTTP})
				target.ID = id
				expect(t, p, target, probe.Passed, "200 OK")
			}
		}
		if n := connections.Load(); n != want {
			t.Errorf("with places for %d, %d connections, want %d", keep, n, want)
		}
	}
}
