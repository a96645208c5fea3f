package probe_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prober is one that may ask this machine.
func prober(t *testing.T, config probe.Config) *probe.Prober {
	t.Helper()
	config.Guard.Loopback = true
	p := probe.New(config)
	t.Cleanup(p.Close)
	return p
}

// at is a check of what listens at an address, with the time-out of a second.
func at(t *testing.T, address string, c registry.Check) probe.Target {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if c.Timeout == 0 {
		c.Timeout = registry.Duration(time.Second)
	}
	i := registry.Instance{Service: "web", ID: "web-1", Address: host, Port: n, Checks: []registry.Check{c}}
	i = i.Normalize()
	return probe.Target{Service: i.Service, ID: i.ID, Address: i.Address, Port: i.Port, Check: i.Checks[0]}
}

// serve serves HTTP, and returns the address.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// listen has a listener do something with each connection, and returns the address.
func listen(t *testing.T, do func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			do(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	return l.Addr().String()
}

// expect asks once.
func expect(t *testing.T, p *probe.Prober, target probe.Target, verdict probe.Verdict, output string) {
	t.Helper()
	if got := p.Probe(t.Context(), target); got.Verdict != verdict || got.Output != output {
		t.Errorf("%s, %q; want %s, %q", got.Verdict, got.Output, verdict, output)
	}
}

// refused is an address at which nobody listens.
func refused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return l.Addr().String()
}

func own(address string) func() []netip.AddrPort {
	return func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort(address)} }
}

// broken is a resolver that finds no server to ask.
func broken() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: net.UnknownNetworkError("none")}
	}}
}
