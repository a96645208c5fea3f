package mesh

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestAServerThatIsDeregisteredCanShutDown has a connection that is accepted before the server shuts down, ready only after,
// and never used, since its call has been given up. net/http's server of HTTP/2 over TLS neither tells it to go away nor
// takes it for idle: it waits for the client to close it.
func TestAServerThatIsDeregisteredCanShutDown(t *testing.T) {
	w := newTown(t)
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	states := make(chan http.ConnState, 10)
	s.Config.ConnState = countStatesIn(states)
	shutting := make(chan struct{})
	s.Config.RegisterOnShutdown(func() { close(shutting) })
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	id := w.register(s.Listener.Addr().String())
	base := newSettings([]Option{secured()}).base
	ready := make(chan struct{})
	base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(context.WithoutCancel(ctx), network, address)
		<-ready
		return c, err
	}
	tr := w.transport(WithBase(base))
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://payments/", nil)
		answer, err := tr.RoundTrip(r)
		if err == nil {
			answer.Body.Close()
		}
		failed <- err
	}()
	if state := <-states; state != http.StateNew {
		t.Fatal(state)
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	down := make(chan error)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		down <- s.Config.Shutdown(ctx)
	}()
	<-shutting
	close(ready)
	for state := range states {
		if state == http.StateIdle {
			break
		}
	}
	if err := w.reg.Deregister("payments", id); err != nil {
		t.Fatal(err)
	}
	if err := <-down; err != nil {
		t.Errorf("the server waits for a connection that nobody uses: %v", err)
	}
}

// TestTheLastAnswerOfAnInstanceThatIsGoneTakesItsConnectionAlong, which net/http would keep: over HTTP/2 it was not idle when
// the instance went.
func TestTheLastAnswerOfAnInstanceThatIsGoneTakesItsConnectionAlong(t *testing.T) {
	w := newTown(t)
	more := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(rw).Flush()
		<-more
	}))
	states := make(chan http.ConnState, 10)
	s.Config.ConnState = countStatesIn(states)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	id := w.register(s.Listener.Addr().String())
	tr := w.transport(secured())
	r, err := (&http.Client{Transport: tr}).Get("https://payments/")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.reg.Deregister("payments", id); err != nil {
		t.Fatal(err)
	}
	awaitNoPools(t, tr)
	close(more)
	want(t, r, nil, 200, "")
	eventually(t, "the connection is closed", func() bool {
		select {
		case state := <-states:
			return state == http.StateClosed
		default:
			return false
		}
	})
}
