package mesh

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/lb"
)

// loadHeader is where a server says how much it has to do, in the text form of ORCA.
const loadHeader = "Endpoint-Load-Metrics"

// try is one request to one instance. It begins when the instance is chosen and ends, once, when the body of its response
// does, or without one.
type try struct {
	call   *call
	picked lb.Call
	pool   *pool
	nth    int // of the call, from 0
	body   io.ReadCloser
	upload *upload // which is the body; nil where there is none
	span   span
	cancel context.CancelCauseFunc
	lost   atomic.Bool // another was sooner

	once    sync.Once
	code    int // of the response; 0 without one
	verdict lb.Verdict
	load    lb.Load
}

// send makes the request and waits for the headers of its response, no longer than a try may take. ctx is the try's own.
func (t *try) send(ctx context.Context) result {
	began := time.Now()
	ctx = t.call.transport.telemetry.begin(ctx, t, began)
	carrying := ctx
	var sent *sending
	if !t.call.repeatable {
		sent = &sending{decline: func() { t.cancel(errRefused) }}
		carrying = sent.trace(ctx)
	}
	request := t.call.req.WithContext(carrying)
	request.Body = t.body
	t.call.transport.telemetry.inject(ctx, request)
	response, err := t.await(ctx, request) //nolint:bodyclose // attach hands it on
	t.pool.answered()
	if err != nil {
		switch {
		case errors.Is(err, errRefused):
			t.verdict = lb.Rejected
		case ctx.Err() != nil && t.upload.waiting():
			t.verdict = lb.Neutral // nobody answers half a request
		}
		r := result{try: t, err: err, sent: sent == nil || sent.maybe(ctx.Err() != nil)}
		t.end(err)
		return r
	}
	t.picked.Answered() // its latency; the body's length and pace say nothing of the instance
	t.code, t.verdict = response.StatusCode, verdictOf(response)
	t.span.proto = protocolOf(response.ProtoMajor, response.ProtoMinor)
	t.load, _ = lb.ParseLoad(response.Header.Get(loadHeader)) // what can't be read says nothing
	if t.verdict == lb.Success {
		t.call.service.answered(time.Since(began))
	}
	t.attach(response)
	return result{try: t, response: response, sent: true}
}

// await bounds the wait for the headers. The clock stops with them: the body has the time of the caller's context.
func (t *try) await(ctx context.Context, request *http.Request) (*http.Response, error) {
	var late *time.Timer
	if d := t.call.transport.settings.tryTimeout; d > 0 {
		late = time.AfterFunc(d, func() { t.cancel(errTryTimeout) })
	}
	response, err := t.pool.transport.RoundTrip(request)
	if err == nil && late != nil && !late.Stop() {
		response.Body.Close() // it came with the time-out, and can't be read any more
		return nil, errTryTimeout
	}
	if late != nil {
		late.Stop()
	}
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return response, err
}

// end ends the try, with the error that it or its body ended with. The first call counts.
func (t *try) end(err error) {
	t.once.Do(func() {
		o := lb.Outcome{Err: err, Verdict: t.verdict, Load: t.load}
		switch {
		case t.lost.Load() || err != nil && errors.Is(t.call.req.Context().Err(), context.Canceled):
			o.Verdict = lb.Neutral // it was given up, whatever the cause is called
		case err != nil && t.call.body.broke():
			o.Verdict = lb.Neutral
		case err != nil && t.verdict == lb.Success:
			o.Verdict = lb.Judged // it began well
		}
		t.picked.Done(o)
		t.call.service.throttle.ended(t.code != 0 && t.verdict == lb.Rejected) // a connection that ends is not the service
		t.call.transport.telemetry.end(t, err)
		t.pool.release()
		t.cancel(nil)
	})
}
