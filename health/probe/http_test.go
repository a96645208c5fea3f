package probe_test

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

func TestAnAnswerIsJudgedByItsCodeAndBody(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var code, before int
		_, _ = fmt.Sscanf(r.URL.RawQuery, "%d-%d", &code, &before)
		w.WriteHeader(code)
		if code != http.StatusNoContent {
			fmt.Fprint(w, strings.Repeat(" ", before), "all is well, secretly")
		}
	})
	p := prober(t, probe.Config{})
	for _, c := range []struct {
		query, body string
		status      int
		verdict     probe.Verdict
		output      string
	}{
		{"200-0", "", 0, probe.Passed, "200 OK"},
		{"299-0", "", 0, probe.Passed, "299"},
		{"204-0", "", 204, probe.Passed, "204 No Content"},
		{"200-0", "", 204, probe.Failed, "200 OK, not 204"},
		{"503-0", "", 0, probe.Failed, "503 Service Unavailable"},
		{"503-0", "", 503, probe.Passed, "503 Service Unavailable"},
		{"429-0", "", 0, probe.Warned, "429 Too Many Requests"},
		{"429-0", "", 429, probe.Passed, "429 Too Many Requests"},
		{"200-0", "well", 0, probe.Passed, "200 OK"},
		{"200-4090", "all is", 0, probe.Passed, "200 OK"},
		{"200-4091", "all is", 0, probe.Failed, "200 OK, but the text that is expected is not in the first 4096 bytes of the body"},
		{"200-0", "ill", 0, probe.Failed, "200 OK, but the text that is expected is not in the first 4096 bytes of the body"},
	} {
		for range 2 { // on a new connection, and on one that may have been kept
			expect(t, p, at(t, address, registry.Check{Type: registry.CheckHTTP, Path: "/?" + c.query, ExpectBody: c.body, ExpectStatus: c.status}),
				c.verdict, c.output)
		}
	}
}

func TestARequestIsTheOneThatTheCheckSays(t *testing.T) {
	asked := make(chan *http.Request, 1)
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) { asked <- r })
	p := prober(t, probe.Config{UserAgent: "muster/1"})
	ask := func(c registry.Check) *http.Request {
		c.Type = registry.CheckHTTP
		expect(t, p, at(t, address, c), probe.Passed, "200 OK")
		return <-asked
	}
	r := ask(registry.Check{Path: "/deep%2Fdown?a=b", Method: "put", Headers: map[string]string{"x-one": "1"}})
	if r.RequestURI != "/deep%2Fdown?a=b" || r.Method != "PUT" || r.Header.Get("X-One") != "1" || r.Host != address || !r.Close ||
		r.UserAgent() != "muster/1" || r.ContentLength != 0 {
		t.Errorf("%+v", r)
	}
	if r = ask(registry.Check{Method: "HEAD", Headers: map[string]string{"user-agent": "mine"}}); r.UserAgent() != "mine" || r.Close {
		t.Errorf("%+v", r)
	}
	if r = ask(registry.Check{Interval: registry.Duration(time.Minute)}); !r.Close {
		t.Error("a connection is kept for a minute")
	}
}

func TestHeadersThatAreNotTheChecksAreNeverSent(t *testing.T) {
	address := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it is asked") })
	p := prober(t, probe.Config{})
	for _, name := range []string{"host", "Authorization", "Cookie", "Proxy-Authorization", "connection", "Keep-Alive", "TE", "Trailer",
		"Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Content-Length", "Expect", "Proxy-Connection"} {
		got := p.Probe(t.Context(), at(t, address, registry.Check{Type: registry.CheckHTTP, Headers: map[string]string{name: "x"}}))
		if got.Verdict != probe.Impossible || !strings.Contains(got.Output, "never sent") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// What does not speak HTTP is told from what speaks it badly, and none of its words are repeated.
func TestWhatIsNoAnswerFails(t *testing.T) {
	p := prober(t, probe.Config{})
	for name, c := range map[string]struct{ says, output string }{
		"nothing":             {"", "the connection was closed before an answer came"},
		"another protocol":    {"SSH-2.0-secret\r\n", "the answer is not HTTP"},
		"a head without end":  {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 70<<10), "the head of the answer is longer than 64 KiB"},
		"a head that ends":    {"HTTP/1.1 200 OK\r\nX: x", "the answer broke off"},
		"a body that ends":    {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "the answer broke off"},
		"only interim":        {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 20), "the answer is not HTTP"},
		"other protocols yet": {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "101 Switching Protocols"},
	} {
		t.Run(name, func(t *testing.T) {
			address := listen(t, func(conn net.Conn) {
				defer conn.Close()
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				fmt.Fprint(conn, c.says)
			})
			expect(t, p, at(t, address, registry.Check{Type: registry.CheckHTTP}), probe.Failed, c.output)
		})
	}
	address := listen(t, func(conn net.Conn) {
		defer conn.Close()
		_, _ = http.ReadRequest(bufio.NewReader(conn))
		fmt.Fprint(conn, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	})
	expect(t, p, at(t, address, registry.Check{Type: registry.CheckHTTP}), probe.Passed, "200 OK")
}

func TestCertificatesAreJudgedUnlessTheCheckSaysNot(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = quiet()
	server.StartTLS()
	defer server.Close()
	address := server.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	c := registry.Check{Type: registry.CheckHTTP, TLS: true}

	trusting := prober(t, probe.Config{Roots: roots})
	expect(t, trusting, at(t, address, c), probe.Passed, "200 OK")
	expect(t, trusting, at(t, "localhost:"+port, c), probe.Failed, "TLS: its certificate is not for localhost")
	other := prober(t, probe.Config{Roots: x509.NewCertPool()})
	expect(t, other, at(t, address, c), probe.Failed, "TLS: its certificate comes from an authority that is not known here")
	c.TLSSkipVerify = true
	expect(t, other, at(t, address, c), probe.Passed, "200 OK")

	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	expect(t, trusting, at(t, plain, c), probe.Failed, "it does not speak TLS")
	c.TLS, c.TLSSkipVerify = false, false
	expect(t, trusting, at(t, address, c), probe.Failed, "400 Bad Request")
}
