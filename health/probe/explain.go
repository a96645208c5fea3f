package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// asleep is by how much a question may outlast its time before it is this node that must have been away: stopped, or too busy
// to look. The answer may have come meanwhile.
const asleep = time.Second

// explain says what an error on the way to an instance, or back, is evidence of.
func explain(err error, t *Target, took time.Duration) Result {
	if forbidden, ok := errors.AsType[*ForbiddenError](err); ok {
		return impossible(forbidden.Error())
	}
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		return explainName(name, t)
	}
	if timedOut(err) {
		return explainSilence(err, t, took)
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return explainErrno(errno)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return failed("the connection was closed before an answer came")
	}
	if handshake, ok := errors.AsType[*handshakeError](err); ok {
		return explainHandshake(handshake)
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" { // an alert of TLS 1.3, after the handshake
		return failed("TLS: it wants a certificate that checks do not have, or has given up")
	}
	return impossible(err.Error())
}

func timedOut(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ETIMEDOUT) {
		return true
	}
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}

func explainSilence(err error, t *Target, took time.Duration) Result {
	allowed := t.timeout()
	if took > allowed+asleep {
		return impossible(fmt.Sprintf("this node was not awake to hear an answer within %v", allowed))
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return silent(fmt.Sprintf("no connection within %v", allowed))
	}
	return silent(fmt.Sprintf("no answer within %v", allowed))
}

func explainName(err *net.DNSError, t *Target) Result {
	if err.IsNotFound {
		return silent(fmt.Sprintf("the name %s does not resolve", t.Address))
	}
	return silent(fmt.Sprintf("no name server says what %s is", t.Address))
}

// explainErrno tells what the other side or the network did from what this machine could not do.
func explainErrno(errno syscall.Errno) Result {
	switch errno {
	case syscall.ECONNREFUSED:
		return failed("connection refused")
	case syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED:
		return failed("the connection was reset before an answer came")
	case syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN:
		return silent("no route to it")
	default:
		return impossible("this node can't ask: " + errno.Error())
	}
}

func explainHandshake(err *handshakeError) Result {
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return impossible("this node has no root certificates to judge others by")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return failed("it does not speak TLS")
	}
	if name, ok := errors.AsType[x509.HostnameError](err); ok {
		return failed("TLS: its certificate is not for " + name.Host)
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return failed("TLS: its certificate comes from an authority that is not known here")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return failed("TLS: its certificate is not valid at this time")
	}
	return failed("the TLS handshake failed")
}
