package http

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/wire"
)

// pipes is a listener whose connections stay in memory, so that time in a bubble of synctest can pass.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	close  sync.Once
}

func newPipes() *pipes { return &pipes{accept: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.accept:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.accept <- server:
		return client, nil
	case <-p.closed:
		return nil, errors.New("connection refused")
	}
}

// served is a server that answers on pipes.
type served struct {
	*Server
	t      *testing.T
	node   *soloNode
	pipes  *pipes
	client *nethttp.Client
	ended  chan error // what Serve returned
}

// serve starts a server. It must be called in a bubble, and is shut down at the latest when stop is called.
func serve(t *testing.T) (s *served, stop func()) {
	t.Helper()
	node := newSoloNode()
	server, err := New(Config{Node: node})
	if err != nil {
		t.Fatal(err)
	}
	pipes := newPipes()
	transport := &nethttp.Transport{DialContext: pipes.dial}
	s = &served{server, t, node, pipes, &nethttp.Client{Transport: transport}, make(chan error, 1)}
	go func() { s.ended <- server.Serve(pipes) }()
	return s, func() {
		transport.CloseIdleConnections()
		_ = server.Shutdown(t.Context())
	}
}

// get returns the answer to a GET with a body that has been read.
func (s *served) get(path string) reply {
	s.t.Helper()
	answer, err := s.client.Get("http://node.example" + path)
	if err != nil {
		s.t.Errorf("GET %s: %v", path, err)
		return reply{httptest.NewRecorder(), s.t}
	}
	return received(s.t, answer)
}

func received(t *testing.T, answer *nethttp.Response) reply {
	t.Helper()
	body, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		t.Errorf("reading the body: %v", err)
	}
	w := httptest.NewRecorder()
	w.Code, w.HeaderMap = answer.StatusCode, answer.Header
	w.Body.Write(body)
	return reply{w, t}
}

// raw opens a connection and sends text on it.
func (s *served) raw(text string) net.Conn {
	s.t.Helper()
	conn, err := s.pipes.dial(s.t.Context(), "", "")
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func TestALongWaitOutlivesTheWriteTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		time.AfterFunc(9*time.Minute, func() { s.node.advance(7) })
		s.get("/v1/services?min_index=7&wait=10m").want(200)
		s.get("/v1/services?min_index=8&wait=10m").problem(wire.CodeIndexNotReached)
	})
}

func TestAShutdownAnswersWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		s.node.submit = func(context.Context) error {
			time.Sleep(4 * time.Second)
			return nil
		}
		var inFlight sync.WaitGroup
		inFlight.Go(func() { s.get("/v1/services?min_index=9&wait=10m").about(wire.CodeNotReady, "stopping") })
		inFlight.Go(func() {
			r, err := nethttp.NewRequest("PUT", "http://node.example"+payments1, strings.NewReader(document))
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := s.client.Do(r)
			if err != nil {
				t.Errorf("the write was cut off: %v", err)
				return
			}
			received(t, answer).want(201)
		})
		synctest.Wait()

		began := time.Now()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if took := time.Since(began); took < 4*time.Second || took > 5*time.Second {
			t.Errorf("it took %s, and the write 4s", took)
		}
		inFlight.Wait()
		if err := <-s.ended; err != nil {
			t.Errorf("Serve returned %v", err)
		}
		if _, err := s.client.Get("http://node.example/healthz"); err == nil {
			t.Error("it still answers")
		}
	})
}

func TestANodeThatStopsIsNotReady(t *testing.T) {
	h := newHarness(t)
	server, err := New(Config{Node: h.node})
	if err != nil {
		t.Fatal(err)
	}
	h.api = server.Handler()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.call("GET", "/readyz", "").about(wire.CodeNotReady, "stopping")
	h.call("GET", "/v1/services?min_index=9&wait=10m", "").about(wire.CodeNotReady, "stopping")
	h.call("GET", "/healthz", "").want(200)
	h.call("GET", "/v1/services", "").want(200)
}

func TestAShutdownThatTakesTooLongCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		cut := make(chan error, 1)
		s.node.submit = func(ctx context.Context) error {
			<-ctx.Done()
			cut <- ctx.Err()
			return ctx.Err()
		}
		conn := s.raw(fmt.Sprintf("DELETE %s HTTP/1.1\r\nHost: n\r\n\r\n", payments1))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shutdown says %v", err)
		}
		if err := <-cut; !errors.Is(err, context.Canceled) {
			t.Errorf("the write ended with %v", err)
		}
		if _, err := io.ReadAll(conn); err != nil {
			t.Errorf("the connection ended with %v", err)
		}
	})
}

func TestASlowCallerIsCutOff(t *testing.T) {
	for name, c := range map[string]struct {
		sent  string
		after time.Duration
	}{
		"in the headers":  {"GET /healthz HTTP/1.1\r\nHost: n\r\n", headerTimeout},
		"before anything": {"", headerTimeout},
		"in the body":     {"PUT " + payments1 + " HTTP/1.1\r\nHost: n\r\nContent-Length: 50\r\n\r\n{", requestTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, stop := serve(t)
			defer stop()
			before := s.node.State()
			conn, began := s.raw(c.sent), time.Now()
			answer, err := io.ReadAll(conn)
			// It lingers a little after a body that was not read to its end.
			if took := time.Since(began); took < c.after || took > c.after+time.Second {
				t.Errorf("%s: cut off after %s, want %s", name, took, c.after)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if name == "in the body" {
				received(t, parse(t, answer)).problem(wire.CodeTimeout)
			}
			if s.node.State() != before {
				t.Errorf("%s: something was written", name)
			}
		})
	}
}

func parse(t *testing.T, answer []byte) *nethttp.Response {
	t.Helper()
	r, err := nethttp.ReadResponse(bufio.NewReader(strings.NewReader(string(answer))), nil)
	if err != nil {
		t.Fatalf("%v: %q", err, answer)
	}
	return r
}

func TestHeadersBeyondTheLimitAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, stop := serve(t)
		defer stop()
		conn, err := s.pipes.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: n\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
		}()
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		if got := parse(t, answer).StatusCode; got != nethttp.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d", got)
		}
	})
}

func TestServingOnAListenerThatFailsSaysSo(t *testing.T) {
	server, err := New(Config{Node: newSoloNode()})
	if err != nil {
		t.Fatal(err)
	}
	l := newPipes()
	_ = l.Close()
	if err := server.Serve(l); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "pipe") {
		t.Errorf("Serve returned %v", err)
	}
}
