package mesh

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// pipes is a base whose connections lead to a server in memory that answers at once.
func pipes() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 16, DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			in := bufio.NewReader(there)
			for {
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				if _, err := io.WriteString(there, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
					return
				}
			}
		}()
		return here, nil
	}}
}

// BenchmarkCall compares a call with the same one by net/http alone. No SDK of OpenTelemetry is installed.
func BenchmarkCall(b *testing.B) {
	base := pipes()
	defer base.CloseIdleConnections()
	reg := registry.New()
	for _, id := range []string{"p1", "p2", "p3"} {
		if _, err := reg.Register(registry.Instance{Service: "payments", ID: id, Address: "127.0.0.1", Port: 80}); err != nil {
			b.Fatal(err)
		}
	}
	mesh := NewTransport(lb.Local(reg), WithBase(base))
	defer mesh.Close()
	hedged := NewTransport(lb.Local(reg), WithBase(base), WithHedging(Hedging{After: 1e9}))
	defer hedged.Close()
	for _, c := range []struct {
		name, method string
		transport    http.RoundTripper
	}{
		{"plain/GET", "GET", base}, {"mesh/GET", "GET", mesh}, {"hedged/GET", "GET", hedged},
		{"plain/POST", "POST", base}, {"mesh/POST", "POST", mesh},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, _ := http.NewRequestWithContext(b.Context(), c.method, "http://payments/charge", nil)
				resp, err := c.transport.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
}

// BenchmarkHandler compares a handler with the same one by itself.
func BenchmarkHandler(b *testing.B) {
	plain := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for name, h := range map[string]http.Handler{"plain": plain, "mesh": Handler(plain)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r, _ := http.NewRequest("GET", "http://payments/", nil)
			w := &nowhere{header: http.Header{}}
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}

// nowhere is a response writer that costs nothing.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (w *nowhere) WriteHeader(int)             {}
