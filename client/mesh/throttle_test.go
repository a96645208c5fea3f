package mesh

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// probability finds out at which draw a request is let through.
func (t *throttle) probability() float64 {
	at := 1.0
	for p := 0.0; p < 1; p += 1.0 / 1024 {
		t.draw = func() float64 { return p }
		if t.admitOnly() {
			at = p
			break
		}
	}
	return at
}

// admitOnly is admit without the count.
func (t *throttle) admitOnly() bool {
	ok := t.admit()
	t.seen.add(counts{first: -1})
	return ok
}

func TestRequestsAreHeldBackByTheShareThatTheServiceAccepts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newThrottle()
		b.draw = func() float64 { return 1 } // all are sent
		send := func(n int, rejected bool) {
			for range n {
				b.admit()
				b.ended(rejected)
			}
		}
		send(100, false)
		send(100, true)
		if p := b.probability(); p != 0 {
			t.Errorf("half are accepted: %v are held back", p)
		}
		b.draw = func() float64 { return 1 }
		send(200, true)
		if p, want := b.probability(), float64(400-200)/401; math.Abs(p-want) > 0.002 {
			t.Errorf("a quarter is accepted: %v are held back, want %v", p, want)
		}
		time.Sleep(throttleWindow)
		if p := b.probability(); p != 0 {
			t.Errorf("after the window %v are held back", p)
		}
	})
}

func TestFewRejectionsHoldNothingBack(t *testing.T) {
	b := newThrottle()
	b.draw = func() float64 { return 0 }
	for range minRejections {
		if !b.admit() {
			t.Fatal("a request was held back")
		}
		b.ended(true)
	}
	if b.admit() {
		t.Error("nothing is held back now")
	}
}

// TestRequestsCountWhenTheyAreSent: go-zero #5011 counted them at their end, a round trip late.
func TestRequestsCountWhenTheyAreSent(t *testing.T) {
	b := newThrottle()
	b.draw = func() float64 { return 0.5 }
	for range minRejections {
		b.admit()
	}
	for range minRejections {
		b.ended(true)
	}
	for range 5 {
		b.ended(false) // what was sent is now answered half and half: 10 of 15
	}
	if !b.admit() {
		t.Error("10 requests, 5 accepted: nothing is to be held back")
	}
	for range 20 {
		b.seen.add(counts{first: 1}) // under way
	}
	if b.admit() {
		t.Error("20 more are under way, and one more was let through")
	}
}

func TestAServiceThatRejectsIsLeftInPeace(t *testing.T) {
	w := newTown(t)
	var n hits
	w.serve(n.answer(429))
	c := w.client(WithRetries(0))
	held := 0
	for range 300 {
		r, err := c.Get("http://payments/")
		switch {
		case err == nil:
			want(t, r, err, 429, "429 ")
		case errors.Is(err, ErrThrottled):
			held++
		default:
			t.Fatal(err)
		}
	}
	if held < 200 || int(n.Load()) != 300-held {
		t.Errorf("%d of 300 were held back, %d arrived", held, n.Load())
	}
}

// TestFailuresAreNoRejections: a service that fails is the breakers' business.
func TestFailuresAreNoRejections(t *testing.T) {
	w := newTown(t)
	w.serve(new(hits).answer(500))
	c := w.client(neverOpen())
	for range 100 {
		r, err := c.Get("http://payments/")
		want(t, r, err, 500, "500 ")
	}
}
