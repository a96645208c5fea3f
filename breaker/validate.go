package breaker

import (
	"errors"
	"time"
)

// maxCalls bounds a window of calls, which takes a byte for each.
const maxCalls = 100_000

// maxProbes bounds the places of probes, which are looked through one by one.
const maxProbes = 1_000

// Validate tells all that is wrong with the configuration. Each error matches [ErrInvalid].
func (c Config) Validate() error {
	return errors.Join(c.validateReasons(), c.validateWindow(), c.validateTimes(), c.validateProbes())
}

func (c Config) validateReasons() error {
	var errs []error
	if c.ConsecutiveFailures < 0 {
		errs = append(errs, invalid("ConsecutiveFailures", "is %d: use 0 for never", c.ConsecutiveFailures))
	}
	for _, rate := range []struct {
		name  string
		share float64
	}{{"FailureRate", c.FailureRate}, {"SlowRate", c.SlowRate}} {
		if !(rate.share >= 0 && rate.share <= 1) { // also where it is not a number
			errs = append(errs, invalid(rate.name, "is %v: a share is from 0, for never, to 1", rate.share))
		}
	}
	if c.SlowCall < 0 || (c.SlowCall > 0) != (c.SlowRate > 0) {
		errs = append(errs, invalid("SlowCall", "is %v with a SlowRate of %v: set both above 0, or neither", c.SlowCall, c.SlowRate))
	}
	if c.ConsecutiveFailures == 0 && c.FailureRate == 0 && c.SlowRate == 0 {
		errs = append(errs, invalid("ConsecutiveFailures", "nothing opens the breaker: set this, FailureRate or SlowRate"))
	}
	return errors.Join(errs...)
}

func (c Config) validateWindow() error {
	var errs []error
	if c.Window < 0 || c.Window > 0 && c.Window < parts {
		errs = append(errs, invalid("Window", "is %v: it has no tenths", c.Window))
	}
	if c.Calls < 0 || c.Calls > maxCalls {
		errs = append(errs, invalid("Calls", "is %d: use 1 to %d, or 0 for a window in time", c.Calls, maxCalls))
	}
	if c.Window > 0 && c.Calls > 0 {
		errs = append(errs, invalid("Window", "is %v and Calls %d: a window is in time or in calls", c.Window, c.Calls))
	}
	if c.MinCalls < 0 {
		errs = append(errs, invalid("MinCalls", "is %d: use 1 for judging by the first call", c.MinCalls))
	}
	if c.Calls > 0 && c.MinCalls > c.Calls {
		errs = append(errs, invalid("MinCalls", "is %d: a window of %d calls never has so many", c.MinCalls, c.Calls))
	}
	return errors.Join(errs...)
}

func (c Config) validateTimes() error {
	var errs []error
	times := []struct {
		name string
		time time.Duration
	}{{"OpenFor", c.OpenFor}, {"MaxOpenFor", c.MaxOpenFor}, {"ProbeLease", c.ProbeLease}}
	for _, t := range times {
		if t.time < 0 || t.time > longest {
			errs = append(errs, invalid(t.name, "is %v: use 1ns to %v, or 0 for the default", t.time, longest))
		}
	}
	if c.MaxOpenFor > 0 && c.MaxOpenFor < c.withDefaults().OpenFor {
		errs = append(errs, invalid("MaxOpenFor", "is %v: shorter than OpenFor, %v", c.MaxOpenFor, c.withDefaults().OpenFor))
	}
	if c.Growth != 0 && !(c.Growth >= 1 && c.Growth <= maxGrowth) {
		errs = append(errs, invalid("Growth", "is %v: use 1, for none, to %v", c.Growth, maxGrowth))
	}
	if !(c.Jitter >= 0 && c.Jitter <= 1) {
		errs = append(errs, invalid("Jitter", "is %v: a share is from 0, for none, to 1", c.Jitter))
	}
	return errors.Join(errs...)
}

// Beyond these a breaker is as good as open for ever, and sums overflow.
const (
	longest   = 365 * 24 * time.Hour
	maxGrowth = 1000
)

func (c Config) validateProbes() error {
	var errs []error
	counts := []struct {
		name  string
		count int
	}{{"Probes", c.Probes}, {"ProbesToClose", c.ProbesToClose}, {"ProbesToOpen", c.ProbesToOpen}}
	for _, n := range counts {
		if n.count < 0 || n.count > maxProbes {
			errs = append(errs, invalid(n.name, "is %d: use 1 to %d, or 0 for 1", n.count, maxProbes))
		}
	}
	return errors.Join(errs...)
}
