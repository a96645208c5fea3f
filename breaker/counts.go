package breaker

// Counts is what a breaker knows of the calls of its present period.
type Counts struct {
	// Calls are the results in the window, and Failures and Slow those among them that failed or were slow. A neutral
	// result is none of them. They are 0 where no rate is a reason to open, and where the breaker is not closed.
	Calls, Failures, Slow int

	// InARow is how many failures have come since the last success.
	InARow int

	// Probes are the calls that a half-open breaker waits for, and Succeeded and Failed those that have ended.
	Probes, Succeeded, Failed int
}

// result is what a window remembers of a call.
type result uint8

// The bits of a result. One without any is a success at the usual speed.
const (
	failed result = 1 << iota
	slow
)

// add counts r with weight n, which is 1 or -1.
func (c *Counts) add(r result, n int) {
	c.Calls += n
	if r&failed != 0 {
		c.Failures += n
	}
	if r&slow != 0 {
		c.Slow += n
	}
}
