package breaker

import (
	"errors"
	"fmt"
	"time"
)

// ErrOpen is matched, by [errors.Is], by the error of every call that a breaker refused. The call was not made.
var ErrOpen = errors.New("circuit breaker is open")

// ErrInvalid is matched by the errors of [Config.Validate].
var ErrInvalid = errors.New("invalid configuration of a circuit breaker")

// OpenError is the error of a call that was refused. One and the same is given to all calls that a period refuses.
type OpenError struct {
	Name  string    // of the breaker; may be empty
	State State     // Open, or HalfOpen where all places of probes are taken
	Until time.Time // when the open time is over; zero where State is HalfOpen
}

func (e *OpenError) Error() string {
	name := "circuit breaker"
	if e.Name != "" {
		name += " of " + e.Name
	}
	if e.State == HalfOpen {
		return name + " is half-open and tries other calls first: this one was not made"
	}
	return fmt.Sprintf("%s is open until %s: the call was not made", name, e.Until.Format(time.RFC3339))
}

// Is makes an OpenError match [ErrOpen].
func (e *OpenError) Is(target error) bool { return target == ErrOpen }

// RetryAfter is how long, from now, the breaker refuses every call; 0 where one may be let in at any time.
func (e *OpenError) RetryAfter() time.Duration {
	if e.State != Open {
		return 0
	}
	return max(0, time.Until(e.Until))
}

func invalid(field, reason string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrInvalid, field, fmt.Sprintf(reason, args...))
}
