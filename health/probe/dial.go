package probe

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// dial opens a connection to the target by a deadline, wherever the guard lets it, and with the protocols offered secures it
// by TLS.
//
// A connection that is closed here is reset: the question is answered, so nothing gets lost, and a closed one would stay
// with the kernel for a minute. Ten thousand instances that are asked every ten seconds would fill its table with 60,000.
func (p *Prober) dial(ctx context.Context, t *Target, by time.Time, protocols ...string) (net.Conn, error) {
	ctx, cancel := context.WithDeadline(ctx, by)
	defer cancel()
	conn, err := p.dialer.DialContext(ctx, "tcp", t.hostPort())
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // It would only cost more.
	}
	if !t.Check.TLS {
		return conn, nil
	}
	secured := tls.Client(conn, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.Address,
		InsecureSkipVerify: t.Check.TLSSkipVerify,
		RootCAs:            p.config.Roots,
		NextProtos:         protocols,
	})
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, &handshakeError{err}
	}
	return secured, nil
}

// handshakeError is a connection that could not be secured.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }
