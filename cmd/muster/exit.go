package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/musterhq/muster/internal/api"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// The exit statuses. Scripts rely on them: they never change.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnreachable = 4
	exitNoLeader    = 5
	exitConflict    = 6
	exitDenied      = 7
	exitTimeout     = 8
)

// usageError marks the error of a command line that is wrong as it stands.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

// usagef makes an error of a wrong command line.
func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// exitStatus finds the exit status for an error.
func exitStatus(err error) int {
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*api.UnreachableError](err); ok {
		return exitUnreachable
	}
	for _, row := range []struct {
		status int
		errs   []error
	}{
		{exitUsage, []error{registry.ErrInvalid}},
		{exitNotFound, []error{registry.ErrServiceNotFound, registry.ErrInstanceNotFound, registry.ErrCheckNotFound, fault.ErrNodeNotFound}},
		{exitNoLeader, []error{fault.ErrNoLeader}},
		{exitConflict, []error{fault.ErrConflict, registry.ErrPreconditionFailed}},
		{exitDenied, []error{wire.ErrUnauthorized, wire.ErrForbidden}},
		{exitTimeout, []error{fault.ErrTimeout, fault.ErrIndexNotReached, context.DeadlineExceeded}},
	} {
		for _, target := range row.errs {
			if errors.Is(err, target) {
				return row.status
			}
		}
	}
	return exitFailed
}
