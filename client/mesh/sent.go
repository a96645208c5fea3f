package mesh

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
)

// meteredConn is a connection that knows how often something was given to it to write. It counts before it writes, so
// that a count that has not changed says for certain that nothing left.
type meteredConn struct {
	net.Conn
	writes atomic.Int64
}

func (c *meteredConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// sending finds out whether the instance can have got a request. It errs only to one side: where it is not sure, the
// request counts as sent. Its hooks are called by goroutines of the transport below.
//
// A request was not sent if it got no connection, or its headers were not complete, or nothing at all was written to the
// connection since. The last is how a connection fails that the server closed while it was idle.
type sending struct {
	mu      sync.Mutex
	begun   bool         // it got a connection
	headers bool         // they were given to the connection, or to the buffer before it
	before  bool         // an earlier connection of the same try may have carried it
	conn    *meteredConn // nil where it can't be told
	writes  int64        // on conn, when the request got it
}

// trace makes s hear of what becomes of the requests of ctx.
func (s *sending) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: s.gotConn, WroteHeaders: s.wroteHeaders})
}

func (s *sending) gotConn(info httptrace.GotConnInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = s.mayHaveLeft() // net/http itself tries again on another connection
	s.begun, s.headers, s.conn = true, false, metered(info.Conn)
	if s.conn != nil {
		s.writes = s.conn.writes.Load()
	}
}

func (s *sending) wroteHeaders() {
	s.mu.Lock()
	s.headers = true
	s.mu.Unlock()
}

// maybe tells whether the request may have arrived, of a try that has failed. A try that was given up may still be writing
// what it has begun, so cancelled ones count as sent as soon as they had a connection.
func (s *sending) maybe(cancelled bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayHaveLeft() || s.begun && cancelled
}

func (s *sending) mayHaveLeft() bool {
	return s.before || s.headers && (s.conn == nil || s.conn.writes.Load() != s.writes)
}

// metered finds our connection below TLS; what TLS says while it closes counts as written, which errs to the safe side.
func metered(c net.Conn) *meteredConn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	m, _ := c.(*meteredConn)
	return m
}
