package wire

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

// Code is the part of a problem that programs may rely on. Codes are never renamed; what they say may be worded anew.
type Code string

// The codes of the contract.
const (
	CodeInvalidRequest       Code = "invalid_request"
	CodeUnauthorized         Code = "unauthorized"
	CodeForbidden            Code = "forbidden"
	CodeNotFound             Code = "not_found"
	CodeServiceNotFound      Code = "service_not_found"
	CodeInstanceNotFound     Code = "instance_not_found"
	CodeNodeNotFound         Code = "node_not_found"
	CodeMethodNotAllowed     Code = "method_not_allowed"
	CodeConflict             Code = "conflict"
	CodePreconditionFailed   Code = "precondition_failed"
	CodeTooLarge             Code = "too_large"
	CodeUnsupportedMediaType Code = "unsupported_media_type"
	CodeRateLimited          Code = "rate_limited"
	CodeInternal             Code = "internal"
	CodeNotReady             Code = "not_ready"
	CodeNoLeader             Code = "no_leader"
	CodeTooStale             Code = "too_stale"
	CodeOverloaded           Code = "overloaded"
	CodeIndexNotReached      Code = "index_not_reached"
	CodeTimeout              Code = "timeout"
	CodeDiskFull             Code = "disk_full"
)

// The errors that only HTTP knows; the others are those of packages registry and fault.
var (
	ErrUnauthorized         = errors.New("unauthorized")
	ErrForbidden            = errors.New("forbidden")
	ErrMethodNotAllowed     = errors.New("method not allowed")
	ErrTooLarge             = errors.New("too large")
	ErrUnsupportedMediaType = errors.New("unsupported media type")
	ErrRateLimited          = errors.New("rate limited")
	ErrInternal             = errors.New("internal error")
)

// RetryAfter is how long a caller should let pass before it repeats a call that failed for a passing reason. It is the
// shortest time that the header Retry-After can express, and longer than an election takes as a rule.
const RetryAfter = time.Second

// meaning is one row of the table: what a code stands for.
type meaning struct {
	code      Code
	status    int
	title     string
	err       error
	retryable bool // the same call may succeed in a moment, here or on another node
}

// meanings is the table. [CodeOf] takes the first row whose error fits, so an error that fits none is internal.
var meanings = []meaning{
	{CodeInvalidRequest, http.StatusBadRequest, "Invalid request", registry.ErrInvalid, false},
	{CodeUnauthorized, http.StatusUnauthorized, "Unauthorized", ErrUnauthorized, false},
	{CodeForbidden, http.StatusForbidden, "Forbidden", ErrForbidden, false},
	{CodeServiceNotFound, http.StatusNotFound, "Service not found", registry.ErrServiceNotFound, false},
	{CodeInstanceNotFound, http.StatusNotFound, "Instance not found", registry.ErrInstanceNotFound, false},
	{CodeNodeNotFound, http.StatusNotFound, "Node not found", fault.ErrNodeNotFound, false},
	// A path that does not exist has this code too, but whoever builds paths with this package does not meet one.
	{CodeNotFound, http.StatusNotFound, "Not found", registry.ErrCheckNotFound, false},
	{CodeMethodNotAllowed, http.StatusMethodNotAllowed, "Method not allowed", ErrMethodNotAllowed, false},
	{CodeConflict, http.StatusConflict, "Conflict", fault.ErrConflict, false},
	{CodePreconditionFailed, http.StatusPreconditionFailed, "Precondition failed", registry.ErrPreconditionFailed, false},
	{CodeTooLarge, http.StatusRequestEntityTooLarge, "Too large", ErrTooLarge, false},
	{CodeUnsupportedMediaType, http.StatusUnsupportedMediaType, "Unsupported media type", ErrUnsupportedMediaType, false},
	{CodeRateLimited, http.StatusTooManyRequests, "Rate limited", ErrRateLimited, true},
	{CodeNotReady, http.StatusServiceUnavailable, "Not ready", fault.ErrNotReady, true},
	{CodeNoLeader, http.StatusServiceUnavailable, "No leader", fault.ErrNoLeader, true},
	{CodeTooStale, http.StatusServiceUnavailable, "Too stale", fault.ErrTooStale, true},
	{CodeOverloaded, http.StatusServiceUnavailable, "Overloaded", fault.ErrOverloaded, true},
	{CodeIndexNotReached, http.StatusGatewayTimeout, "Index not reached", fault.ErrIndexNotReached, true},
	{CodeTimeout, http.StatusGatewayTimeout, "Timed out", fault.ErrTimeout, true},
	{CodeDiskFull, http.StatusInsufficientStorage, "Disk full", fault.ErrDiskFull, false},
	{CodeInternal, http.StatusInternalServerError, "Internal error", ErrInternal, false},
}

// CodeOf finds the code of an error. An end of a context is a [CodeTimeout], and an error of no known kind is a
// [CodeInternal].
func CodeOf(err error) Code {
	if p, ok := errors.AsType[*Problem](err); ok && p.Code != "" {
		return p.Code
	}
	for _, m := range meanings {
		if errors.Is(err, m.err) {
			return m.code
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return CodeTimeout
	}
	return CodeInternal
}

// Status is the HTTP status of answers with this code, 500 for a code that this version does not know.
func (c Code) Status() int { return c.meaning().status }

// Title is the code in words, the same for every problem that has it.
func (c Code) Title() string { return c.meaning().title }

// Retryable tells whether the same call may succeed in a moment. Whether a failed write may be repeated at all is
// another question: [Problem.Outcome] answers it.
func (c Code) Retryable() bool { return c.meaning().retryable }

// Err is the error that the code stands for, nil for a code that this version does not know.
func (c Code) Err() error { return c.meaning().err }

func (c Code) meaning() meaning {
	for _, m := range meanings {
		if m.code == c {
			return m
		}
	}
	return meaning{code: c, status: http.StatusInternalServerError, title: string(c)}
}
