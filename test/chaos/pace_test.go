package chaos

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// slow draws half of the watchers and has them read at another pace for a while.
func (s *stage) slow(pace int32) func() {
	for _, n := range s.random.Perm(len(s.watchers))[:len(s.watchers)/2] {
		s.watchers[n].pace.Store(pace)
	}
	time.Sleep(s.between(2*time.Second, 8*time.Second)) // until what a node may send in advance is on its way
	return func() {
		for _, w := range s.watchers {
			w.pace.Store(asItComes)
		}
	}
}

// How a watcher reads what its node sends.
const (
	asItComes int32 = iota
	nothing
	byteByByte
)

// watcherMischief is what watchers do that are in trouble themselves.
var watcherMischief = []mischief{
	{"half of the watchers read nothing", func(s *stage) func() { return s.slow(nothing) }},
	{"half of the watchers read byte by byte", func(s *stage) func() { return s.slow(byteByByte) }},
}

// pacedTransport opens connections that are read at the pace of a watcher.
func pacedTransport(pace *atomic.Int32) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		// The kernel is to take little for who reads nothing, so that the node learns of it.
		if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			_ = c.Close()
			return nil, err
		}
		return &pacedConn{Conn: c, pace: pace}, nil
	}}
}

// pacedConn is one of those connections.
type pacedConn struct {
	net.Conn
	pace   *atomic.Int32
	closed atomic.Bool
}

func (c *pacedConn) Read(b []byte) (int, error) {
	for c.pace.Load() == nothing && !c.closed.Load() {
		time.Sleep(20 * time.Millisecond)
	}
	if c.pace.Load() == byteByByte && len(b) > 0 {
		time.Sleep(time.Millisecond)
		b = b[:1]
	}
	return c.Conn.Read(b)
}

func (c *pacedConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}
