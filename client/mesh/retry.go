package mesh

import (
	"net/http"
	"time"
)

// mayRetry decides whether the call goes on after r, and prepares it.
func (c *call) mayRetry(r *result) bool {
	switch {
	case r.try == nil: // nobody to call, or nobody may be called: others would find the same
		return false
	case c.req.Context().Err() != nil:
		return false
	case r.response != nil && !(worthRetrying(r.response) && c.repeatable):
		return false
	case r.err != nil && r.sent && !c.repeatable:
		return false
	case c.retries >= c.transport.settings.retries || !c.body.hasNext():
		return false
	}
	if !c.heed(r.response) || !c.spend() {
		return false
	}
	c.retries++
	if c.retries > 1 { // the first goes elsewhere at once
		c.paused = max(c.paused, pauseBefore(c.retries-1))
	}
	if r.response != nil {
		r.try.setBodyAside(r.response)
	}
	return true
}

// heed takes in what an answer says about when to come back, and tells whether that is soon enough for this call. A 503
// binds the instance that sent it, and the call goes elsewhere; a 429 is about the caller, wherever he turns.
func (c *call) heed(answer *http.Response) bool {
	if answer == nil {
		return true
	}
	wait := retryAfter(answer)
	if answer.StatusCode == http.StatusTooManyRequests {
		c.paused = wait
		return wait <= longestWait
	}
	if at := time.Now().Add(wait); at.After(c.back) {
		c.back = at
	}
	return true
}

// spend takes a try beyond the first from the service's budget.
func (c *call) spend() bool {
	if c.service.budget.spend() {
		return true
	}
	c.transport.telemetry.budgetExhausted(c.req.Context(), c.service.name)
	return false
}
