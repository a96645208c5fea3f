package http

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
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
	w := recorded(answer)
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

// parse reads an answer that came over a raw connection.
func parse(t *testing.T, answer []byte) *nethttp.Response {
	t.Helper()
	r, err := nethttp.ReadResponse(bufio.NewReader(strings.NewReader(string(answer))), nil)
	if err != nil {
		t.Fatalf("%v: %q", err, answer)
	}
	return r
}

// recorded is the head of an answer whose body is still to be read.
func recorded(answer *nethttp.Response) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	w.Code = answer.StatusCode
	maps.Copy(w.Header(), answer.Header)
	return w
}
