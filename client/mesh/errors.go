package mesh

import (
	"context"
	"errors"
	"fmt"
)

// ErrThrottled is matched, by [errors.Is], by the error of a call that was not sent because its service rejects too many.
var ErrThrottled = errors.New("held back: the service rejects too many calls")

// ErrClosed is matched by the errors of calls made with a transport after its Close.
var ErrClosed = errors.New("mesh: the transport is closed")

// errTryTimeout ends a try whose headers do not come. To whoever asks it is a deadline that passed.
var errTryTimeout error = tryTimeout{}

type tryTimeout struct{}

func (tryTimeout) Error() string        { return "no answer within the time-out of a try" }
func (tryTimeout) Timeout() bool        { return true }
func (tryTimeout) Is(target error) bool { return target == context.DeadlineExceeded }

// errRefused ends a try whose instance said, by the means of HTTP/2, that it did not handle the request.
var errRefused = errors.New("the instance takes no more requests on this connection")

// errLost ends a hedged try when another was sooner.
var errLost = errors.New("another try answered sooner")

// TryError is the error of a call that failed at an instance: the error of its last try.
type TryError struct {
	Service  string
	Instance string // its id
	Address  string // where it was called: host:port
	Tries    int    // that the call took
	Err      error
}

func (e *TryError) Error() string {
	tries := "1 try"
	if e.Tries > 1 {
		tries = fmt.Sprintf("%d tries", e.Tries)
	}
	return fmt.Sprintf("mesh: service %s, instance %s at %s, after %s: %v", e.Service, e.Instance, e.Address, tries, e.Err)
}

// Unwrap returns what the try failed of.
func (e *TryError) Unwrap() error { return e.Err }

// Timeout tells whether it failed because it took too long; package net/url looks for it.
func (e *TryError) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}
