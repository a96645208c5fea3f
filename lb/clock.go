package lb

import "time"

// clock is how far a call is, and since when. Above ended, it waits for its answer, since the clock less one; below, it has
// its answer or is a stream.
type clock time.Duration

const (
	ended   clock = 0
	endless clock = -1 // a stream, whose time is not measured
)

func startedAt(now time.Duration) clock { return clock(now) + 1 }

// answeredAt is the clock of a call that waited, when its answer is there.
func (c clock) answeredAt(now time.Duration) clock { return min(endless, c-1-clock(now)) - 1 }

// flight is what the call adds to the flights of its node.
func (c clock) flight() int64 {
	if c > ended {
		return unanswered
	}
	return answered
}

// took is how long the instance took to answer, or until now where it has not; unmeasured for a stream.
func (c clock) took(now time.Duration) time.Duration {
	switch {
	case c > ended:
		return now - time.Duration(c-1)
	case c == endless:
		return unmeasured
	default:
		return time.Duration(-(c + 1))
	}
}
