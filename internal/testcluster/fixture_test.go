package testcluster_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/testcluster"
)

// patience is how long a test waits for what must happen, on the slowest machine.
const patience = 20 * time.Second

// moment is how long a test looks at what must not happen. A machine that is too slow can only make it miss a mistake,
// never see one that isn't there.
const moment = 50 * time.Millisecond

// startProxy is a proxy to target, gone with the test.
func startProxy(t *testing.T, target string) *testcluster.Proxy {
	t.Helper()
	p, err := testcluster.NewProxy(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the proxy: %v", err)
		}
	})
	return p
}

// A listener is a target that hands its connections to the test.
type listener struct {
	net.Listener
	conns chan *conn
}

func listenTCP(t *testing.T) *listener {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{Listener: inner, conns: make(chan *conn, 16)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := inner.Accept()
			if err != nil {
				return
			}
			l.conns <- newConn(t, c)
		}
	}()
	t.Cleanup(func() {
		_ = inner.Close()
		<-done
	})
	return l
}

func (l *listener) accept(t *testing.T) *conn {
	t.Helper()
	select {
	case c := <-l.conns:
		return c
	case <-time.After(patience):
		t.Fatal("no connection reached the target")
		return nil
	}
}

// A conn fails the test for what goes wrong on it.
type conn struct {
	*net.TCPConn
}

func newConn(t *testing.T, c net.Conn) *conn {
	t.Cleanup(func() { _ = c.Close() })
	return &conn{c.(*net.TCPConn)}
}

func dial(t *testing.T, addr string) *conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	return newConn(t, c)
}

// pair is a connection through the proxy, seen from both ends.
func pair(t *testing.T, p *testcluster.Proxy, target *listener) (client, server *conn) {
	t.Helper()
	client = dial(t, p.Addr())
	return client, target.accept(t)
}

func (c *conn) send(t *testing.T, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatalf("send %q: %v", s, err)
	}
}

func (c *conn) expect(t *testing.T, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q and %v, want %q", got[:n], err, want)
	}
}

// expectNothing looks whether something arrives for a moment.
func (c *conn) expectNothing(t *testing.T) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(moment)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes and %v where nothing should arrive, not even an end", n, err)
	}
}

// readEnd reads to the end and gives what came and how it ended.
func (c *conn) readEnd(t *testing.T) (string, error) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	return string(got), err
}

// eventually waits until what is asked for is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(time.Millisecond)
	}
}
