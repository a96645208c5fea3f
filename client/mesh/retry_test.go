package mesh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// closing is a body without GetBody that knows whether it was closed.
type closing struct {
	io.Reader
	closed atomic.Bool
}

func (c *closing) Close() error { c.closed.Store(true); return nil }

// countStatesIn sends the states of a server's connections on.
func countStatesIn(states chan http.ConnState) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, s http.ConnState) { states <- s }
}

func TestAnswersThatAnotherInstanceMayBetterAreRetriedThere(t *testing.T) {
	for _, code := range []int{429, 502, 503, 504} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			w := newTown(t)
			var bad, good hits
			w.serve(bad.answer(code))
			w.serve(good.answer(200))
			c := w.client()
			for range 4 {
				r, err := c.Get("http://payments/")
				want(t, r, err, 200, "200 ")
			}
			if bad.Load() == 0 {
				t.Error("the bad one was never asked")
			}
		})
	}
}

func TestOtherAnswersAreHandedOn(t *testing.T) {
	for _, code := range []int{201, 404, 500, 501} {
		w := newTown(t)
		var n hits
		w.serve(n.answer(code))
		w.serve(n.answer(code))
		r, err := w.client().Get("http://payments/")
		want(t, r, err, code, fmt.Sprintf("%d ", code))
		if n.Load() != 1 {
			t.Errorf("%d was sent %d times", code, n.Load())
		}
	}
}

func TestAPostIsSentAgainOnlyIfTheCallerSaysSo(t *testing.T) {
	for name, say := range map[string]func(*http.Request) *http.Request{
		"he says nothing": func(r *http.Request) *http.Request { return r },
		"Idempotency-Key": func(r *http.Request) *http.Request { r.Header.Set("Idempotency-Key", "1"); return r },
		"Retryable":       func(r *http.Request) *http.Request { return r.WithContext(Retryable(r.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			var n hits
			w.serve(n.answer(503))
			w.serve(n.answer(503))
			c := w.client(WithRetries(1))
			r, _ := http.NewRequest("POST", "http://payments/", strings.NewReader("ten"))
			resp, err := c.Do(say(r))
			want(t, resp, err, 503, "503 ten")
			times := int64(2)
			if name == "he says nothing" {
				times = 1
			}
			if n.Load() != times {
				t.Errorf("it was sent %d times, want %d", n.Load(), times)
			}
		})
	}
}

func TestWhatWasNotSentGoesElsewhereWhateverTheMethod(t *testing.T) {
	bodies := map[string]func() io.Reader{
		"with GetBody":    func() io.Reader { return strings.NewReader("ten") },
		"without GetBody": func() io.Reader { return &closing{Reader: strings.NewReader("ten")} },
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			w.refuse()
			w.refuse()
			var n hits
			w.serve(n.answer(200))
			c := w.client()
			for range 6 {
				b := body()
				r, err := post(t, c, b)
				want(t, r, err, 200, "200 ten")
				if b, ok := b.(*closing); ok {
					eventually(t, "the body is closed", b.closed.Load)
				}
			}
			if n.Load() != 6 {
				t.Errorf("%d calls arrived", n.Load())
			}
		})
	}
}

func TestABodyThatCannotComeAgainIsNotSentFromItsMiddle(t *testing.T) {
	w := newTown(t)
	var n hits
	w.serve(n.answer(503))
	w.serve(n.answer(503))
	body := &closing{Reader: strings.NewReader("ten")}
	r, err := post(t, w.client(), body, "Idempotency-Key", "1")
	want(t, r, err, 503, "503 ten")
	if n.Load() != 1 {
		t.Errorf("it was sent %d times", n.Load())
	}
	eventually(t, "the body is closed", body.closed.Load)
}

// TestABodyMayTakeLongerThanATry: failsafe-go #65 and #123 cancelled the context of a try before its body was read.
func TestABodyMayTakeLongerThanATry(t *testing.T) {
	w := newTown(t)
	const timeout = 50 * time.Millisecond
	w.serve(func(rw http.ResponseWriter, _ *http.Request) {
		rw.(http.Flusher).Flush()
		time.Sleep(3 * timeout)
		fmt.Fprint(rw, "late")
	})
	for name, opts := range map[string][]Option{"plain": nil, "hedged": {WithHedging(Hedging{After: time.Second})}} {
		t.Run(name, func(t *testing.T) {
			r, err := w.client(append(opts, WithTryTimeout(timeout))...).Get("http://payments/")
			want(t, r, err, 200, "late")
		})
	}
}

func TestATryThatTakesTooLongIsATimeout(t *testing.T) {
	w := newTown(t)
	w.serve(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() })
	_, err := post(t, w.client(WithTryTimeout(20*time.Millisecond)), strings.NewReader("ten"))
	var slow interface{ Timeout() bool }
	if !errors.As(err, &slow) || !slow.Timeout() || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestWhenAllWereTriedItGoesRoundOnceMore(t *testing.T) {
	w := newTown(t)
	var n hits
	w.serve(func(rw http.ResponseWriter, r *http.Request) {
		code := 200
		if n.Load() < 2 {
			code = 503
		}
		n.answer(code)(rw, r)
	})
	w.serve(n.answer(503))
	r, err := w.client(WithRetries(5)).Get("http://payments/")
	want(t, r, err, 200, "200 ")
}

func TestTheLastAnswerIsHandedOnAndNoErrorMadeOfIt(t *testing.T) {
	w := newTown(t)
	var n hits
	w.serve(n.answer(503))
	w.refuse()
	c := w.client(WithRetries(3))
	for range 4 {
		r, err := c.Get("http://payments/")
		want(t, r, err, 503, "503 ")
	}
}

func TestRetryAfterBindsTheInstanceThatSaysIt(t *testing.T) {
	t.Run("another is asked at once", func(t *testing.T) {
		w := newTown(t)
		var busy, good hits
		w.serve(busy.answer(503, "Retry-After", "60"))
		w.serve(good.answer(200))
		c := w.client()
		for range 2 {
			began := time.Now()
			r, err := c.Get("http://payments/")
			want(t, r, err, 200, "200 ")
			if d := time.Since(began); d > time.Second {
				t.Errorf("it took %v", d)
			}
		}
	})
	t.Run("it is asked again when it is ready", func(t *testing.T) {
		w := newTown(t)
		var n hits
		w.serve(func(rw http.ResponseWriter, r *http.Request) {
			if n.Load() == 0 {
				n.answer(503, "Retry-After", "1")(rw, r)
			} else {
				n.answer(200)(rw, r)
			}
		})
		began := time.Now()
		r, err := w.client().Get("http://payments/")
		want(t, r, err, 200, "200 ")
		if d := time.Since(began); d < 900*time.Millisecond {
			t.Errorf("it was asked again after %v", d)
		}
	})
	t.Run("too late is an answer", func(t *testing.T) {
		w := newTown(t)
		var n hits
		w.serve(n.answer(503, "Retry-After", "60"))
		r, err := w.client().Get("http://payments/")
		want(t, r, err, 503, "503 ")
		if n.Load() != 1 {
			t.Errorf("it was asked %d times", n.Load())
		}
	})
	t.Run("429 is about the caller", func(t *testing.T) {
		w := newTown(t)
		var n hits
		w.serve(n.answer(429, "Retry-After", "60"))
		w.serve(n.answer(429, "Retry-After", "60"))
		r, err := w.client().Get("http://payments/")
		want(t, r, err, 429, "429 ")
		if n.Load() != 1 {
			t.Errorf("it was asked %d times", n.Load())
		}
	})
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	read := func(h string) time.Duration {
		return retryAfter(&http.Response{Header: http.Header{"Retry-After": {h}}})
	}
	if got := read("3"); got != 3*time.Second {
		t.Errorf("3 is %v", got)
	}
	if got := read(time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)); got < 50*time.Second || got > time.Minute {
		t.Errorf("a date in a minute is %v", got)
	}
	for _, h := range []string{"99999999999", "99999999999999999999999"} {
		if got := read(h); got <= longestWait {
			t.Errorf("%q is %v", h, got)
		}
	}
	for _, h := range []string{"", "-1", "-99999999999999999999999", "soon", "Thu, 01 Jan 1970 00:00:00 GMT"} {
		if got := read(h); got != 0 {
			t.Errorf("%q is %v", h, got)
		}
	}
}

// TestAnExhaustedBudgetRefusesNewTriesOnly: failsafe-go #141 let it end what was under way.
func TestAnExhaustedBudgetRefusesNewTriesOnly(t *testing.T) {
	w := newTown(t)
	var n hits
	w.serve(n.answer(503))
	w.serve(n.answer(503))
	c := w.client(WithBudget(Budget{Share: 0.2, Floor: -1}), neverOpen())
	for range 50 {
		r, err := c.Get("http://payments/")
		want(t, r, err, 503, "503 ")
	}
	if got := n.Load(); got != 60 {
		t.Errorf("50 calls made %d tries", got)
	}
}

// TestA429BindsTheCallWhereverItGoes has the caller wait, although another instance is there.
func TestA429BindsTheCallWhereverItGoes(t *testing.T) {
	w := newTown(t)
	var busy atomic.Bool
	for range 2 {
		w.serve(func(rw http.ResponseWriter, _ *http.Request) {
			if busy.CompareAndSwap(false, true) {
				rw.Header().Set("Retry-After", "1")
				rw.WriteHeader(http.StatusTooManyRequests)
			}
		})
	}
	began := time.Now()
	r, err := w.client().Get("http://payments/")
	want(t, r, err, 200, "")
	if d := time.Since(began); d < time.Second {
		t.Errorf("it was back after %v", d)
	}
}
