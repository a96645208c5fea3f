package lb

import (
	"math"
	"math/rand/v2"
	"time"
)

// adaptive draws five and takes the one that promises the quickest success.
//
// What an instance promises is the time that an answer takes, times what waits there already, divided by the square of the
// share of its calls that succeed: without the last, who fails at once would be the best of all. Time and queue are what the
// server said of itself, while that is fresh, and else the average of its answers and the calls in flight from here.
type adaptive struct {
	nodes   []*node
	choices int
	decay   time.Duration
}

func newAdaptive(s *Service, nodes []*node) picker {
	return &adaptive{nodes: nodes, choices: min(s.strategy.choices, len(nodes)), decay: s.strategy.decay}
}

func (a *adaptive) pick(_ string, tried *Tried, now time.Duration) *node {
	d := newDraw(rand.Uint64(), a.choices, len(a.nodes))
	var ranking ranking
	for range a.choices {
		n := a.nodes[d.place]
		d.next()
		if tried != nil && tried.Has(n.id) {
			continue
		}
		ranking.add(n, a.promise(n, now))
	}
	return ranking.winner()
}

// promise is what to expect of an instance.
type promise struct {
	cost    float64 // seconds until a success, of an instance of weight 1
	waiting float64 // there, by the server's word
	told    bool    // the server gave its word lately
}

func (a *adaptive) promise(n *node, now time.Duration) promise {
	m := unpack(n.mean.Load())
	idle := float64(now-time.Duration(n.heard.Load())) / float64(a.decay)
	waiting, latency, success := float64(n.inFlight.Load()), float64(m.latency), float64(m.success)
	if latency == 0 {
		return promise{cost: unheard(waiting) / n.shareNow()}
	}
	r, told := n.report(now, a.decay)
	switch {
	case told:
		waiting += float64(r.others)
		if r.latency > 0 {
			latency = float64(r.latency)
		}
	case idle > 1:
		latency *= math.Exp((1 - idle) / forgetting)
	}
	if success < settled {
		success = 1 - (1-success)*math.Exp(-idle/float64(min(max(1, n.row.Load()), longestGrudge)))
	}
	cost := latency * (waiting + 1) / (max(success*success, leastSuccess) * n.shareNow())
	return promise{cost: cost, waiting: waiting, told: told}
}

const (
	settled       = 0.99 // from here on failures need not be forgotten any more
	leastSuccess  = 1e-6 // there is still a difference between two that fail always
	longestGrudge = 10   // after so many failures in a row, it takes no longer until the next try
	forgetting    = 10   // decays in which a latency that nobody confirms loses two thirds
)

// ranking is the result of a draw: the two with the least costs, and the busiest of the servers that have told.
type ranking struct {
	first, second *node
	least, next   float64
	busiest       *node
	most          float64
	told          int
}

func (r *ranking) add(n *node, p promise) {
	switch {
	case r.first == nil || p.cost < r.least:
		r.second, r.next = r.first, r.least
		r.first, r.least = n, p.cost
	case r.second == nil || p.cost < r.next:
		r.second, r.next = n, p.cost
	}
	if !p.told {
		return
	}
	r.told++
	if r.busiest == nil || p.waiting > r.most {
		r.busiest, r.most = n, p.waiting
	}
}

// winner is the first, unless it is also the hottest of those that have told what waits there and the second costs not much
// more: all clients were told the same and may be about to fall upon it, and a queue is felt later than it is known.
func (r *ranking) winner() *node {
	if r.told > 2 && r.first == r.busiest && r.next < 2*r.least {
		return r.second
	}
	return r.first
}
