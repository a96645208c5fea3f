package mesh

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// town is a registry with servers of the service payments, and the calls to it.
type town struct {
	t   testing.TB
	reg *registry.Registry
	n   int
}

func newTown(t testing.TB) *town {
	return &town{t: t, reg: registry.New()}
}

// register adds an instance of payments and returns its id: p1, p2 and so on.
func (w *town) register(address string) string {
	w.t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.n++
	id := fmt.Sprintf("p%d", w.n)
	n, _ := strconv.Atoi(port)
	if _, err := w.reg.Register(registry.Instance{Service: "payments", ID: id, Address: host, Port: n}); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// serve adds an instance that answers with h.
func (w *town) serve(h http.HandlerFunc) *httptest.Server {
	w.t.Helper()
	s := httptest.NewServer(h)
	w.t.Cleanup(s.Close)
	w.register(s.Listener.Addr().String())
	return s
}

// refuse adds an instance that is not there.
func (w *town) refuse() {
	w.t.Helper()
	l := listen(w.t)
	_ = l.Close()
	w.register(l.Addr().String())
}

// raw adds an instance that does with its connections whatever serve does.
func (w *town) raw(serve func(net.Conn)) {
	w.t.Helper()
	l := listen(w.t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	w.t.Cleanup(func() { _ = l.Close(); <-done })
	w.register(l.Addr().String())
}

// transport returns a transport that goes through the instances by turns, so that each is tried.
func (w *town) transport(opts ...Option) *Transport {
	w.t.Helper()
	opts = append([]Option{WithStrategy("round-robin"), WithBudget(Budget{Floor: 1000})}, opts...)
	t, err := New(lb.Local(w.reg), opts...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = t.Close() })
	return t
}

func (w *town) client(opts ...Option) *http.Client {
	w.t.Helper()
	return &http.Client{Transport: w.transport(opts...)}
}

// neverOpen is for tests whose instances fail on and on.
func neverOpen() Option {
	return WithBalancer(lb.WithBreaker(breaker.Config{ConsecutiveFailures: 1 << 20}))
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// hits counts requests as a handler sees them.
type hits struct{ atomic.Int64 }

func (n *hits) answer(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		body, _ := io.ReadAll(r.Body)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprintf(w, "%d %s", code, body)
	}
}

// want reads a response and compares its status and body.
func want(t testing.TB, r *http.Response, err error, code int, body string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != code || string(b) != body {
		t.Errorf("%d %q, want %d %q", r.StatusCode, b, code, body)
	}
}

func post(t testing.TB, c *http.Client, body io.Reader, header ...string) (*http.Response, error) {
	t.Helper()
	return postTo(t, c, "http://payments/charge", body, header...)
}

func postTo(t testing.TB, c *http.Client, url string, body io.Reader, header ...string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return c.Do(r)
}

// inFlight sums up the calls in flight of the service payments, as the balancer has them.
func inFlight(t *Transport) (n int) {
	t.endpoints(func(_ string, e *lb.Endpoint) { n += e.InFlight })
	return n
}

// awaitNoPools waits until the connections of all instances have been given up.
func awaitNoPools(t testing.TB, tr *Transport) {
	t.Helper()
	eventually(t, "the pool is dropped", func() bool {
		tr.pools.mu.RLock()
		defer tr.pools.mu.RUnlock()
		return len(tr.pools.of) == 0
	})
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 5 s: " + what)
		}
	}
}

// readRequest reads from a connection until the blank line after the headers.
func readRequest(c net.Conn) bool {
	var got strings.Builder
	b := make([]byte, 1024)
	for !strings.Contains(got.String(), "\r\n\r\n") {
		n, err := c.Read(b)
		got.Write(b[:n])
		if err != nil {
			return false
		}
	}
	return true
}

// oneStrike opens a breaker at the first failure.
var oneStrike = breaker.Config{ConsecutiveFailures: 1}

// httpClient is for calls whose outcome does not matter.
type httpClient struct{ transport http.RoundTripper }

func (c *httpClient) get(t testing.TB) {
	t.Helper()
	r, err := (&http.Client{Transport: c.transport}).Get("http://payments/")
	if err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}
