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
	home   *openConns
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

// Close closes it, and it is open no more.
func (c *meteredConn) Close() error {
	c.home.remove(c)
	return c.Conn.Close()
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
//
// It was sent but not handled if HTTP/2 says so, by a GOAWAY whose last stream is an earlier one, as when a server shuts
// down, or by REFUSED_STREAM. net/http does not hand that on: it sends the request again by itself, to the same instance,
// and pauses longer each time. That it does is the sign, for of requests that are not repeatable it sends no others
// again, but for one: it takes a stream that was reset with PROTOCOL_ERROR for not handled, too.
type sending struct {
	decline func() // ends the try

	mu      sync.Mutex
	begun   bool         // it got a connection
	headers bool         // they were given to the connection, or to the buffer before it
	refused bool         // net/http knows that the instance did not handle it
	conn    *meteredConn // nil where it can't be told
	secure  bool         // conn is below TLS
	writes  int64        // on conn, when the request got it
}

// trace makes s hear of what becomes of the requests of ctx.
func (s *sending) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GetConn: s.getConn, GotConn: s.gotConn, WroteHeaders: s.wroteHeaders})
}

func (s *sending) getConn(string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restart()
}

func (s *sending) gotConn(info httptrace.GotConnInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restart()
	s.begun = true
	if s.conn, s.secure = metered(info.Conn); s.conn != nil {
		s.writes = s.conn.written(s.secure)
	}
}

// restart forgets the connection that the request had, if any: what it carried was not handled, or nothing. In the first
// case the try ends here. HTTP/2 writes no headers once a context has ended; if it did, wroteHeaders would tell.
func (s *sending) restart() {
	if s.mayHaveLeft() && !s.refused {
		s.refused = true
		s.decline()
	}
	s.begun, s.headers, s.conn = false, false, nil
}

func (s *sending) wroteHeaders() {
	s.mu.Lock()
	s.headers = true
	s.mu.Unlock()
}

// maybe tells whether the request may have been handled, of a try that has failed. A try that was given up may still be
// writing what it has begun, so cancelled ones count as sent as soon as they had a connection.
func (s *sending) maybe(cancelled bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayHaveLeft() || s.begun && cancelled && !s.refused
}

func (s *sending) mayHaveLeft() bool {
	return s.headers && (s.conn == nil || s.conn.written(s.secure) != s.writes)
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
