package lb

import (
	"math"
	"math/rand/v2"
	"time"
)

// adaptive draws five and takes the one that promises the quickest success.
//
// What an instance promises is the time that an answer takes, times what waits there already, divided by the square of the
// share of its calls that succeed: without the last, who fails at once would be the best of all. The time is what the server
// said of itself, while that is fresh, and else the average of its answers.
//
// What waits there are the calls in flight from here, which are known for certain, and a little of what the server said of
// those of others. That is always late, and all clients were told the same: if each of them believed it fully, they would
// fall upon the same servers together.
type adaptive struct {
	nodes []*node
	draws stretches
	decay time.Duration
}

func newAdaptive(s *Service, nodes []*node) picker {
	return &adaptive{nodes: nodes, draws: newStretches(s.strategy.choices, len(nodes)), decay: s.strategy.decay}
}

func (a *adaptive) pick(_ string, tried *Tried, now time.Duration) (best *node) {
	next, random := a.draws.begin(rand.Uint64())
	least := math.Inf(1)
	for range a.draws.count {
		var place uint32
		place, next, random = a.draws.draw(next, random)
		n := a.nodes[place]
		if tried != nil && tried.Has(n.id) {
			continue
		}
		if cost := a.cost(n, now); cost < least*clearly {
			best, least = n, cost
		}
	}
	return best
}

// cost is how many seconds to expect until a success, of an instance of weight 1.
func (a *adaptive) cost(n *node, now time.Duration) float64 {
	m := unpack(n.mean.Load())
	waits, inFlight := n.flights.waits()
	waiting := float64(inFlight)
	if m.latency == 0 && waits {
		return unheard * (waiting + 1) / n.shareNow()
	}
	latency := float64(m.latency)
	cost := max(latency, leastLatency)
	idle := now - time.Duration(n.heard.Load())
	trust := a.decay * believed
	if m.success < settled {
		trust = a.decay // It has changed: what it said before does not hold for long.
	}
	r, told := n.report(now, trust)
	switch {
	case told:
		waiting += hearsay * float64(r.others)
		if r.latency > 0 {
			cost = float64(r.latency)
		}
	case idle > a.decay:
		patience := 1 + 0.5*float64(min(n.row.Load(), 1)) // to look again at one that fails can wait
		cost *= math.Exp((1 - float64(idle)/float64(a.decay)) / (forgetting * patience))
	}
	if waits {
		cost *= n.overdue(now, latency)
	}
	if success := float64(m.success); success < 1 {
		if success < settled {
			success = 1 - (1-success)*math.Exp(-float64(idle)/float64(a.decay)/grudge(n.row.Load()))
			waiting++ // that it has nothing to do is no merit of one that fails
		}
		cost /= max(success*success, leastSuccess)
	}
	return cost * (waiting + 1) / n.shareNow()
}

// grudge is how slowly failures are forgotten, in decays: the more slowly, the more of them in a row.
func grudge(row int32) float64 {
	return min(math.Pow(grudgeOfOne, float64(row)), longestGrudge)
}

const (
	clearly       = 0.8  // who is not better by more than this is as good: the first that was drawn has the call
	settled       = 0.99 // from here on failures need not be forgotten any more
	leastSuccess  = 1e-6 // there is still a difference between two that fail always
	grudgeOfOne   = 5    // an instance that begins to fail costs each caller the call that finds out, and one more for each look
	longestGrudge = 8    // so that it takes some 35 decays at most until the next try
	believed      = 5    // decays for which what a server said stands: it is steadier than the few answers one has had oneself
	hearsay       = 0.1  // what a call of others counts, that one has only been told of
	forgetting    = 10   // decays in which a latency that nobody confirms loses two thirds; half as many more of one that fails
)
