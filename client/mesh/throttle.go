package mesh

import (
	"math/rand/v2"
	"time"
)

// How the throttle behaves. The window is longer than a try may take by default, so that a rejection is compared with
// the requests it was one of.
const (
	throttleWindow = 30 * time.Second

	// overcommit is how many requests are sent for each that is accepted: enough for the throttle to learn soon that the
	// service takes more again.
	overcommit = 2

	// minRejections is how often a service must have rejected, within the window, before anything is held back. A formula
	// of shares makes much of few requests.
	minRejections = 10
)

// throttle holds requests back at the client while a service itself rejects them, since even a rejection costs the
// service something: with probability max(0, (requests - 2 accepts) / (requests + 1)), as the book "Site Reliability
// Engineering" has it. A request counts when it is sent: one counted at its end would throttle a round trip late. It is
// safe for concurrent use.
type throttle struct {
	seen *tally         // first: requests; second: accepted; third: rejected
	draw func() float64 // of [0, 1)
}

func newThrottle() *throttle {
	return &throttle{seen: newTally(throttleWindow), draw: rand.Float64}
}

// admit tells whether a request may be sent, and counts it in any case: what is held back is demand, too.
func (t *throttle) admit() (ok bool) {
	t.seen.decide(func(now counts) counts {
		p := float64(now.first-overcommit*now.second) / float64(now.first+1)
		ok = now.third < minRejections || p <= 0 || t.draw() >= p
		return counts{first: 1}
	})
	return ok
}

// ended counts the end of a request that was admitted. Whatever the service did not reject counts as accepted: that it
// fails is no reason to think that it is asked too often.
func (t *throttle) ended(rejected bool) {
	if rejected {
		t.seen.add(counts{third: 1})
	} else {
		t.seen.add(counts{second: 1})
	}
}
