package mesh

import (
	"cmp"
	"math"
	"time"
)

// Budget bounds how many tries a service gets beyond the first of each call, so that retries and hedges cannot turn a
// service that struggles into one that is down: over Window, Share of the calls that began in it, and Floor a second
// whatever the calls. A budget that is used up refuses new tries only; those under way go on.
//
// The window makes it work at any rate of calls: a share of the calls in flight would be nothing where there are few.
type Budget struct {
	Share  float64       // of the calls, from 0; 0 is 0.2, and a negative one is none
	Floor  float64       // tries a second that are always allowed; 0 is 1, and a negative one is none
	Window time.Duration // 0 and less is 10 s
}

func (b Budget) withDefaults() Budget {
	b.Share = max(0, cmp.Or(b.Share, 0.2))
	b.Floor = max(0, cmp.Or(b.Floor, 1))
	if b.Window <= 0 {
		b.Window = 10 * time.Second
	}
	return b
}

// allowance is the budget of one service as it stands. It is safe for concurrent use.
type allowance struct {
	share, floor float64 // the floor is of a whole window
	spent        *tally  // first: calls begun; second: further tries
}

func newAllowance(b Budget) *allowance {
	b = b.withDefaults()
	return &allowance{share: b.Share, floor: b.Floor * b.Window.Seconds(), spent: newTally(b.Window)}
}

// earn counts a call that begins.
func (a *allowance) earn() { a.spent.add(counts{first: 1}) }

// spend takes one try from the budget, and tells whether it had one.
func (a *allowance) spend() (ok bool) {
	a.spent.decide(func(now counts) counts {
		if ok = float64(now.second+1) <= math.Floor(a.floor+a.share*float64(now.first)+rounding); ok {
			return counts{second: 1}
		}
		return counts{}
	})
	return ok
}

// giveBack returns a try that was not made.
func (a *allowance) giveBack() { a.spent.add(counts{second: -1}) }

// rounding makes a fifth of five calls one try, whatever the binary fractions are.
const rounding = 1e-9
