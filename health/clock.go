package health

import "time"

const (
	// Tick is how finely leases are timed, and how often [Leases.Due] wants to be asked.
	Tick = 50 * time.Millisecond

	// longestStep is how far the clock of the leases goes at once, however long nobody has looked at it.
	longestStep = 2 * Tick
)

// clock is the time of the leases: the time during which this node has led and was awake.
//
// Whoever reads a clock at most every tick is awake. Where more time than that has passed, the process was stopped, or the
// machine was too busy to listen to anybody, and so deaf to the heartbeats of that time: it counts for no lease. The clock
// never runs faster than the world's, so what it holds for not yet over is not over.
type clock struct {
	world    func() time.Duration // monotonic, since whenever
	seen     time.Duration        // of the world, when it was last looked at; time as a follower is a pause like any other
	at       time.Duration        // of the leases
	unfenced bool                 // pauses count; see [unfenced]
}

// now brings the clock forward and reads it.
func (c *clock) now() time.Duration {
	world := c.world()
	step := max(0, world-c.seen)
	c.seen = max(c.seen, world)
	if !c.unfenced {
		step = min(step, longestStep)
	}
	c.at += step
	return c.at
}
