package fault

import "errors"

// The faults. They are wrapped with the details of the case and what to do about it.
var (
	ErrNotReady        = errors.New("not ready") // to answer reads: after a start, when stopping, while a wrong state is replaced
	ErrNoLeader        = errors.New("no leader")
	ErrTooStale        = errors.New("too stale")
	ErrOverloaded      = errors.New("overloaded")
	ErrTimeout         = errors.New("timed out")
	ErrIndexNotReached = errors.New("index not reached")
	ErrConflict        = errors.New("conflict")
	ErrNodeNotFound    = errors.New("node not found")
	ErrDiskFull        = errors.New("disk full")
)

// Unknown marks err as one after which nobody can say whether the write was applied. A write that failed with an error
// that is not so marked was not applied and may simply be sent again.
func Unknown(err error) error { return &unknown{err} }

// IsUnknown tells whether err, or an error that it wraps, was marked by [Unknown].
func IsUnknown(err error) bool {
	_, ok := errors.AsType[*unknown](err)
	return ok
}

type unknown struct{ err error }

func (u *unknown) Error() string {
	return u.err.Error() + " (it is unknown whether the write was applied)"
}

func (u *unknown) Unwrap() error { return u.err }
