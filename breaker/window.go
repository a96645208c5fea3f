package breaker

import "time"

// window remembers the recent results of a closed period. Its methods are called by many goroutines at once.
type window interface {
	// record adds the result of a call that ended now.
	record(now time.Duration, r result)

	// counts sums up what is remembered now.
	counts(now time.Duration) Counts
}

func newWindow(c Config) window {
	switch {
	case !c.hasRates():
		return nil
	case c.Calls > 0:
		return newCallWindow(c.Calls)
	default:
		return newTimeWindow(c.Window)
	}
}
