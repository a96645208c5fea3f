package probe_test

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
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

func TestAConnectionIsForSixQuestions(t *testing.T) {
	server, connections := counted(t)
	p := prober(t, probe.Config{})
	target := at(t, server.Listener.Addr().String(), registry.Check{Type: registry.CheckHTTP})
	for n := range 18 {
		expect(t, p, target, probe.Passed, "200 OK")
		if want := int32(n/6 + 1); connections.Load() != want {
			t.Fatalf("%d connections after %d questions, want %d", connections.Load(), n+1, want)
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
	var failed int
	for range 9 {
		if p.Probe(t.Context(), target).Verdict == probe.Failed {
			failed++
		}
	}
	if failed != 4 {
		t.Errorf("%d of 9 failed, want all after the sixth on the old connection", failed)
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
