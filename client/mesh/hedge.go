package mesh

import (
	"cmp"
	"context"
	"time"

	"github.com/musterhq/muster/lb"
)

// Hedging sends a call to a further instance while the one before has not answered, and takes the answer that comes first.
// It cuts off the slow tail at the price of some more tries, which the budget bounds. Only calls that may reach a service
// more than once are hedged, and only with a body that GetBody can bring again, or none.
type Hedging struct {
	// After is how long to wait for an answer before each further try.
	After time.Duration

	// Percentile, from 0 to below 1, waits as long as that share of the service's latest answers took; but not less than
	// After, and not before it has seen some answers. 0.95 makes one call in twenty two.
	Percentile float64

	// Max is how many tries go out beside the first. 0 is 1.
	Max int
}

// delay is how long to wait for an answer; false while that is not known.
func (h *Hedging) delay(l *latencies) (time.Duration, bool) {
	if h.Percentile == 0 {
		return h.After, true
	}
	d, ok := l.get()
	return max(d, h.After), ok
}

// hedged makes tries side by side, until the first of them has an answer that no retry would better. The others end then,
// and count neither for nor against their instances.
func (c *call) hedged(h *Hedging) result {
	most := cmp.Or(h.Max, 1)
	race := &race{call: c, results: make(chan result, 1+most)}
	if err := race.enter(c.pick); err != nil {
		return result{err: err}
	}
	var next <-chan time.Time
	if d, ok := h.delay(c.service.latencies); ok {
		t := time.NewTicker(max(d, 1))
		defer t.Stop()
		next = t.C
	}
	var last result
	for race.running > 0 {
		select {
		case r := <-race.results:
			race.running--
			if r.err == nil && !worthRetrying(r.response) {
				c.drop(last)
				race.win(r.try)
				return r
			}
			if r.response != nil || last.response == nil {
				c.drop(last)
				last = r
			}
			next = nil // it fails rather than dawdles: that is for retries
		case <-next:
			if len(race.tries) > most || !race.hedge() {
				next = nil
			}
		}
	}
	return last
}

// drop gives up an answer that another follows.
func (c *call) drop(r result) {
	if r.response != nil {
		r.response.Body.Close()
	}
}

// race is the tries of one call that run side by side. All but send is done by the goroutine of the call.
type race struct {
	call    *call
	tries   []*try
	running int
	results chan result // has room for all
}

// enter sends one more.
func (r *race) enter(pick func(context.Context) (lb.Call, error)) error {
	t, ctx, err := r.call.begin(pick)
	if err != nil {
		return err
	}
	r.tries = append(r.tries, t)
	r.running++
	go func() { r.results <- t.send(ctx) }()
	return nil
}

// hedge sends one more beside those that run, if the budget has one and there is an instance for it.
func (r *race) hedge() bool {
	if !r.call.spend() {
		return false
	}
	if r.enter(r.call.pickFresh) != nil {
		r.call.service.budget.giveBack()
		return false
	}
	return true
}

// win ends all others. They are seen off by a goroutine that lasts no longer than they do.
func (r *race) win(winner *try) {
	for _, t := range r.tries {
		if t != winner {
			t.lost.Store(true)
			t.cancel(errLost)
		}
	}
	if r.running == 0 {
		return
	}
	go func() {
		for range r.running {
			r.call.drop(<-r.results)
		}
	}()
}
