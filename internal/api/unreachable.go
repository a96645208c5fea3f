package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
)

// Attempt is one node that was asked in vain.
type Attempt struct {
	Node string // its base URL
	Err  error
}

// UnreachableError says that no node could be asked, and why. Nothing was applied.
type UnreachableError struct {
	Attempts []Attempt // in the order in which they were made
}

func (e *UnreachableError) Error() string {
	reasons := make([]string, len(e.Attempts))
	for i, attempt := range e.Attempts {
		reasons[i] = attempt.Node + ": " + attempt.Err.Error()
	}
	return "no node reachable (" + strings.Join(reasons, "; ") + ")"
}

// Unwrap lets errors.Is find what stopped the attempts, such as [fault.ErrTimeout].
func (e *UnreachableError) Unwrap() []error {
	causes := make([]error, len(e.Attempts))
	for i, attempt := range e.Attempts {
		causes[i] = attempt.Err
	}
	return causes
}

// notReached marks the error of a try that ended before there was a connection, so that nothing can have been sent.
type notReached struct{ err error }

func (n *notReached) Error() string { return n.err.Error() }

func (n *notReached) Unwrap() error { return n.err }

// verdict is what several failed attempts come to: the last problem that a node described, else the last connection
// that broke off, since either tells more than that other nodes were not reached.
func verdict(attempts []Attempt) error {
	for _, attempt := range slices.Backward(attempts) {
		if _, ok := errors.AsType[*wire.Problem](attempt.Err); ok {
			return attempt.Err
		}
	}
	for _, attempt := range slices.Backward(attempts) {
		if _, ok := errors.AsType[*notReached](attempt.Err); !ok {
			return attempt.Err
		}
	}
	return &UnreachableError{Attempts: attempts}
}

// reason is the part of a transport's error that says something to a person.
func reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, context.DeadlineExceeded) || errors.Is(cause, fault.ErrTimeout) {
		return fault.ErrTimeout
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection broke off")
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return errors.New(dns.Err)
	}
	if transport, ok := errors.AsType[*url.Error](err); ok {
		return transport.Err
	}
	return err
}
