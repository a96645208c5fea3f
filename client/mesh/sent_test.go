package mesh

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
)

// TestTheAlertThatClosesAConnectionIsNoRequest is what happens to a POST on a connection that its server closed while it
// was idle: TLS takes leave, and no byte of the request is written.
func TestTheAlertThatClosesAConnectionIsNoRequest(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			idle, s := secureConn(t, version), &sending{decline: func() {}}
			s.gotConn(httptrace.GotConnInfo{Conn: idle})
			s.wroteHeaders() // to the buffer
			_ = idle.Close()
			if s.maybe(false) {
				t.Error("the closing alert counts as a request")
			}
			if !s.maybe(true) {
				t.Error("a request that was given up with a connection in hand counts as not sent")
			}

			used, s := secureConn(t, version), &sending{decline: func() {}}
			s.gotConn(httptrace.GotConnInfo{Conn: used})
			if s.maybe(false) {
				t.Error("a request without its headers counts as sent")
			}
			s.wroteHeaders()
			fmt.Fprint(used, "POST / HTTP/1.1\r\nHost: a\r\n\r\n")
			if !s.maybe(false) {
				t.Error("a request that was written counts as not sent")
			}
		})
	}
}

// TestWithoutTLSNothingIsTakenForAnAlert has bytes on the way that only look like one.
func TestWithoutTLSNothingIsTakenForAnAlert(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	c, s := &meteredConn{Conn: near}, &sending{decline: func() {}}
	s.gotConn(httptrace.GotConnInfo{Conn: c})
	s.wroteHeaders()
	_, _ = c.Write([]byte{21, 3, 3, 0, 2, 1, 0})
	if !s.maybe(false) {
		t.Error("it counts as not sent")
	}
}

// secureConn is a connection as the transport dials it, with its handshake done.
func secureConn(t *testing.T, version uint16) *tls.Conn {
	t.Helper()
	s := httptest.NewTLSServer(new(hits).answer(200))
	t.Cleanup(s.Close)
	raw, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version} //nolint:gosec // of a test
	dialed, err := new(openConns).add(raw)
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(dialed, config)
	t.Cleanup(func() { _ = c.Close() })
	if err := c.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}
