package breaker

import (
	"cmp"
	"time"
)

// Config says when a breaker opens, for how long, and what closes it again. At least one reason to open must be set:
// ConsecutiveFailures, FailureRate or SlowRate; any of them suffices. The other fields have a value that stands for
// their zero.
type Config struct {
	// Name is what errors and events call the breaker, such as "payments/p1". [Group] fills it in.
	Name string

	// ConsecutiveFailures is how many failures in a row open the breaker. It works at any rate of calls and costs next to
	// nothing; too small a number opens it by chance where many calls fail anyway. 0 is never.
	ConsecutiveFailures int

	// FailureRate is the share of failures, from 0 to 1, that opens the breaker once there are MinCalls in the window. 0 is
	// never.
	FailureRate float64

	// SlowRate is the share of slow calls, from 0 to 1, that opens the breaker once there are MinCalls in the window, and
	// SlowCall how long a call takes at least to be slow. A slow probe is a failed one. It costs a second look at the clock
	// for each call. Both or neither are set.
	SlowRate float64
	SlowCall time.Duration

	// Window is how long the rates remember a result; it is forgotten by tenths. Too short a window has too few calls to
	// judge by, too long a one holds against a callee what has long been put right. 0 is 10 s, or the last Calls.
	Window time.Duration

	// Calls, instead of Window, makes the rates be those of the last so many calls, up to 100,000, however old: for a callee
	// that is called rarely. A breaker takes a byte for each.
	Calls int

	// MinCalls is how many calls the window must hold before a rate means anything: with too few, a single failure opens
	// the breaker. 0 is 20, or Calls where those are fewer.
	MinCalls int

	// OpenFor is how long an opened breaker refuses all calls. 0 is 30 s.
	OpenFor time.Duration

	// Growth is what the open time is multiplied by each time the breaker opens again before it was closed for as long as
	// it had been open, up to MaxOpenFor. 0 is 1, no growth.
	Growth float64

	// MaxOpenFor ends the growth. 0 is 5 min, or OpenFor where that is longer.
	MaxOpenFor time.Duration

	// Jitter, from 0 to 1, spreads each open time at random over that share of it, above and below, so that many callers do
	// not try the same callee in the same moment. 0 is none.
	Jitter float64

	// Probes is how many calls a half-open breaker lets in at once. 0 is 1.
	Probes int

	// ProbesToClose is how many probes must succeed to close the breaker, and ProbesToOpen how many must fail to open it
	// again. 0 is 1.
	ProbesToClose, ProbesToOpen int

	// ProbeLease is how long a probe keeps its place. One that has not ended by then counts as failed, and the place is
	// free; what it returns later counts nowhere. It should be longer than a call takes that succeeds. 0 is OpenFor.
	ProbeLease time.Duration

	// Classify says what an error means. It may be called by many goroutines at once, and is not asked about calls without
	// an error. nil is [Classify].
	Classify func(error) Outcome

	// OnStateChange hears of each change of the state: in order, one at a time, outside every lock, so that it may call the
	// breaker. It runs on the goroutine of the call that caused a change, or is just reporting another, and on a timer's:
	// it should be quick. nil is nobody.
	OnStateChange func(Event)
}

// DefaultConfig is what suits calls over a network: it opens at ten failures in a row, or when half of at least 20 calls
// within 10 s failed, for 10 s at first and up to 5 min, with jitter, and closes after two probes, one at a time.
func DefaultConfig() Config {
	return Config{
		ConsecutiveFailures: 10,
		FailureRate:         0.5,
		Window:              usualWindow,
		MinCalls:            usualMinCalls,
		OpenFor:             10 * time.Second,
		Growth:              1.5,
		MaxOpenFor:          usualMaxOpenFor,
		Jitter:              0.2,
		Probes:              1,
		ProbesToClose:       2,
		ProbesToOpen:        1,
		ProbeLease:          10 * time.Second,
	}
}

// What stands for a zero.
const (
	usualWindow     = 10 * time.Second
	usualMinCalls   = 20
	usualOpenFor    = 30 * time.Second
	usualMaxOpenFor = 5 * time.Minute
)

func (c Config) withDefaults() Config {
	if c.Calls == 0 {
		c.Window = cmp.Or(c.Window, usualWindow)
		c.MinCalls = cmp.Or(c.MinCalls, usualMinCalls)
	}
	c.MinCalls = cmp.Or(c.MinCalls, min(c.Calls, usualMinCalls))
	c.OpenFor = cmp.Or(c.OpenFor, usualOpenFor)
	c.Growth = cmp.Or(c.Growth, 1)
	c.MaxOpenFor = cmp.Or(c.MaxOpenFor, max(c.OpenFor, usualMaxOpenFor))
	c.Probes = cmp.Or(c.Probes, 1)
	c.ProbesToClose = cmp.Or(c.ProbesToClose, 1)
	c.ProbesToOpen = cmp.Or(c.ProbesToOpen, 1)
	c.ProbeLease = cmp.Or(c.ProbeLease, c.OpenFor)
	if c.Classify == nil {
		c.Classify = Classify
	}
	return c
}

// hasRates tells whether a window is needed.
func (c Config) hasRates() bool { return c.FailureRate > 0 || c.SlowRate > 0 }
