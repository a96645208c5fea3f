package client

import (
	"math/rand/v2"
	"time"
)

const (
	// beatsPerLease is how many heartbeats are sent in the time of a lease: two may be lost.
	beatsPerLease = 3

	// refusedPause lies between two tries of a registration that the registry refuses.
	refusedPause = 30 * time.Second

	// writePatience is how long one node may take for a write. A node waits up to 7 s for a leader.
	writePatience = 8 * time.Second

	// firstBackoff is the pause after the first try that no node took. It doubles.
	firstBackoff = 100 * time.Millisecond
)

// jittered is a pause, give or take a tenth, so that many clients do not keep step.
func jittered(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1) //nolint:gosec // nobody gains from guessing it
}

// backoff is the pause after so many failures before this one: anything between half of the full pause and all of it, so that
// clients which failed at the same moment do not come back at the same moment.
func backoff(failures int, most time.Duration) time.Duration {
	full := min(firstBackoff<<min(failures, 16), most)
	return full/2 + rand.N(full/2+1) //nolint:gosec // nobody gains from guessing it
}
