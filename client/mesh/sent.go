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
	writes atomic.Int64 // but for the alerts
	alerts atomic.Int64 // what TLS would write as one of its alerts
}

func (c *meteredConn) Write(p []byte) (int, error) {
	if likeAlert(p) {
		c.alerts.Add(1)
	} else {
		c.writes.Add(1)
	}
	return c.Conn.Write(p)
}

// written is how often the connection was written to, without the alerts where there is TLS above it. Elsewhere, what
// looks like one could be anything.
func (c *meteredConn) written(secure bool) int64 {
	n := c.writes.Load()
	if !secure {
		n += c.alerts.Load()
	}
	return n
}

// likeAlert tells whether a record of TLS carries an alert, such as the one that takes leave when a connection is closed.
// Until TLS 1.2 its type says so. TLS 1.3 hides the type, but two bytes, their type and a tag of 16 are too short a record
// for the headers of a request, in HTTP/1 and HTTP/2 alike.
func likeAlert(record []byte) bool {
	const alert, hidden, header, text, tag = 21, 23, 5, 2, 16
	switch {
	case len(record) <= header:
		return false
	case record[0] == hidden:
		return len(record) == header+text+1+tag
	default:
		return record[0] == alert
	}
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
	secure  bool         // conn is below TLS
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
	s.begun, s.headers = true, false
	if s.conn, s.secure = metered(info.Conn); s.conn != nil {
		s.writes = s.conn.written(s.secure)
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
	return s.before || s.headers && (s.conn == nil || s.conn.written(s.secure) != s.writes)
}

// metered finds our connection, which may be below TLS.
func metered(c net.Conn) (m *meteredConn, secure bool) {
	t, secure := c.(*tls.Conn)
	if secure {
		c = t.NetConn()
	}
	m, _ = c.(*meteredConn)
	return m, secure
}
