package mesh

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/lb"
)

// rounds is how often a call goes through the instances: when it has been to all of them, one that has recovered since is
// better than none.
const rounds = 2

// call is one RoundTrip: its tries, one after another, or side by side where they are hedged.
type call struct {
	transport  *Transport
	service    *service
	req        *http.Request
	body       *body
	key        string
	repeatable bool

	tried   lb.Tried      // in this round
	round   int           // from 0
	began   int           // tries
	retries int           // of those, the ones that followed a failure
	back    time.Time     // when the instances of this round are ready to be asked again, by their own word
	paused  time.Duration // before the next try, whichever instance it goes to
}

// result is what came of a try: a response or an error.
type result struct {
	try      *try // nil: there was none, nothing could be sent
	response *http.Response
	err      error
	sent     bool // the instance may have got the request
}

// run tries until an answer is good enough, or nothing better may be expected or is allowed.
func (c *call) run() (*http.Response, error) {
	c.service.budget.earn()
	last := c.attempt()
	for c.mayRetry(&last) {
		next := c.attempt()
		if next.response == nil && last.response != nil {
			break // an answer tells the caller more than that there was none to be had after it
		}
		if next.try == nil && last.try != nil {
			break // what went wrong at an instance tells more than that there is no other
		}
		if last.response != nil {
			last.response.Body.Close()
		}
		last = next
	}
	if ctx := c.req.Context(); ctx.Err() != nil && last.err != nil && !errors.Is(last.err, ctx.Err()) {
		last.err = fmt.Errorf("%w, after a try failed: %w", context.Cause(ctx), last.err)
	}
	return c.outcome(last)
}

func (c *call) outcome(r result) (*http.Response, error) {
	switch {
	case r.response != nil:
		r.response.Request = c.req
		return r.response, nil
	case r.try == nil:
		return nil, fmt.Errorf("mesh: service %s: %w", c.service.name, r.err)
	default:
		i := r.try.picked.Instance()
		return nil, &TryError{
			Service: c.service.name, Instance: i.ID, Address: r.try.pool.address, Tries: c.began, Err: r.err,
		}
	}
}

// attempt makes the next try; with hedging it may be several.
func (c *call) attempt() result {
	if err := sleep(c.req.Context(), c.paused); err != nil {
		return result{err: err}
	}
	c.paused = 0
	if h := c.transport.settings.hedging; h != nil && c.repeatable && c.body.replays() {
		return c.hedged(h)
	}
	t, ctx, err := c.begin(c.pick)
	if err != nil {
		return result{err: err}
	}
	return t.send(ctx)
}

// begin chooses an instance and takes what a try needs, its context included. The try must be sent, or ended.
func (c *call) begin(pick func(context.Context) (lb.Call, error)) (*try, context.Context, error) {
	ctx := c.req.Context()
	if !c.service.throttle.admit() {
		c.transport.telemetry.throttled(ctx, c.service.name)
		return nil, nil, ErrThrottled
	}
	picked, pool, err := c.choose(ctx, pick)
	if err != nil {
		c.service.throttle.ended(false)
		return nil, nil, err
	}
	t := &try{call: c, picked: picked, pool: pool, nth: c.began}
	var ok bool
	if t.body, ok = c.body.next(); !ok {
		t.picked.Done(lb.Outcome{Verdict: lb.Neutral})
		c.service.throttle.ended(false)
		pool.answered()
		pool.release()
		return nil, nil, errBodyTaken
	}
	c.tried.Add(t.picked.Instance().ID)
	ctx, t.cancel = context.WithCancelCause(ctx)
	if !c.body.empty {
		t.upload = uploadUntil(ctx, t.body)
		t.body = t.upload
	}
	c.began++
	return t, ctx, nil
}

// choose picks an instance and takes its connections. One that has gone between the two is let go, and the balancer, which
// knows by then, asked again.
func (c *call) choose(ctx context.Context, pick func(context.Context) (lb.Call, error)) (lb.Call, *pool, error) {
	for {
		picked, err := pick(ctx)
		if err != nil {
			return picked, nil, err
		}
		if pool := c.transport.pools.use(endpointOf(picked.Instance())); pool != nil {
			return picked, pool, nil
		}
		picked.Done(lb.Outcome{Verdict: lb.Neutral})
	}
}

// pickFresh chooses an instance that this call has not been to.
func (c *call) pickFresh(ctx context.Context) (lb.Call, error) {
	picked, err := c.service.balancer.Acquire(ctx, lb.Query{Key: c.key, Tried: &c.tried})
	c.transport.telemetry.picked(ctx, c.service.name, err)
	return picked, err
}

// pick chooses an instance that this call has not been to; when it has been to all, another round begins after a pause.
func (c *call) pick(ctx context.Context) (lb.Call, error) {
	picked, err := c.pickFresh(ctx)
	if c.round+1 == rounds || c.tried.Len() == 0 || !errors.Is(err, lb.ErrAllTried) && !errors.Is(err, breaker.ErrOpen) {
		return picked, err
	}
	wait := max(pauseBefore(max(c.retries, 1)), time.Until(c.back))
	if wait > longestWait || sleep(ctx, wait) != nil {
		return picked, err
	}
	c.tried.Reset()
	c.round, c.back = c.round+1, time.Time{}
	return c.pickFresh(ctx)
}

// sleep waits, unless ctx ends or is bound to end before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return context.DeadlineExceeded
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
