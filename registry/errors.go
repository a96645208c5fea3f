package registry

import (
	"errors"
	"fmt"
)

// The errors of the registry, which work with [errors.Is] on both sides of the wire.
var (
	ErrInvalid            = errors.New("invalid")
	ErrServiceNotFound    = errors.New("service not found")
	ErrInstanceNotFound   = errors.New("instance not found")
	ErrCheckNotFound      = errors.New("check not found")
	ErrNoHealthyInstances = errors.New("no healthy instances")
	ErrPreconditionFailed = errors.New("precondition failed")
)

// InvalidError says which field of a document breaks which rule. It is an [ErrInvalid].
type InvalidError struct {
	Field  string // in the JSON's spelling, such as "checks[0].interval"
	Reason string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Reason }

// Is makes an InvalidError match [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// OperationError says which of several operations, counted from 0, made all of them fail.
type OperationError struct {
	Position int
	Err      error
}

func (e *OperationError) Error() string { return fmt.Sprintf("operation %d: %v", e.Position, e.Err) }

// Unwrap makes [errors.Is] and [errors.AsType] see what was wrong with the operation.
func (e *OperationError) Unwrap() error { return e.Err }

func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

func serviceNotFound(name string) error {
	return fmt.Errorf("%w: %q", ErrServiceNotFound, name)
}

func instanceNotFound(service, id string) error {
	return fmt.Errorf("%w: %q of service %q", ErrInstanceNotFound, id, service)
}

func checkNotFound(service, id, check string) error {
	return fmt.Errorf("%w: %q of instance %q of service %q", ErrCheckNotFound, check, id, service)
}

func noHealthyInstances(service string, registered int) error {
	return fmt.Errorf("%w: service %q has %d registered, each unhealthy, unknown or in maintenance",
		ErrNoHealthyInstances, service, registered)
}
