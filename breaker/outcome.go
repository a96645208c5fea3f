package breaker

import (
	"context"
	"errors"
)

// Outcome is what the end of a call says about the one that was called.
type Outcome int8

// The outcomes.
const (
	Success Outcome = iota // it works
	Failure                // it does not
	Neutral                // nothing: the call was given up, or failed for a reason of the caller's own
)

// String is "success", "failure" or "neutral".
func (o Outcome) String() string {
	switch o {
	case Success:
		return "success"
	case Failure:
		return "failure"
	case Neutral:
		return "neutral"
	default:
		return "unknown"
	}
}

// Classify is the classifier of a [Config] that names none: no error is a success, [context.Canceled] is neutral, since
// the caller gave up, and everything else is a failure. So is [context.DeadlineExceeded]: too late is how a callee fails
// that hangs.
//
// Classifiers of your own can fall back on it.
func Classify(err error) Outcome {
	switch {
	case err == nil:
		return Success
	case errors.Is(err, context.Canceled):
		return Neutral
	default:
		return Failure
	}
}
