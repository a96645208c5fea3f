package mesh

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musterhq/muster/lb"
)

// slowOne is a town of two, of which the first answers when its caller has gone.
func slowOne(t *testing.T) (w *town, slow, fast *hits) {
	w, slow, fast = newTown(t), &hits{}, &hits{}
	w.serve(func(_ http.ResponseWriter, r *http.Request) {
		slow.Add(1)
		<-r.Context().Done()
	})
	w.serve(fast.answer(200))
	return w, slow, fast
}

// TestAHedgeAnswersForASlowInstance, which is none the worse for it: grpc proposal #558 ejects losers.
func TestAHedgeAnswersForASlowInstance(t *testing.T) {
	w, slow, fast := slowOne(t)
	var mu sync.Mutex
	var events []lb.Event
	tr := w.transport(WithHedging(Hedging{After: 5 * time.Millisecond}), WithBalancer(lb.WithBreaker(oneStrike)),
		WithOnChange(func(e lb.Event) { mu.Lock(); events = append(events, e); mu.Unlock() }))
	c := &http.Client{Transport: tr}
	for range 20 {
		r, err := c.Get("http://payments/")
		want(t, r, err, 200, "200 ")
	}
	if slow.Load() == 0 || fast.Load() != 20 {
		t.Errorf("%d and %d tries", slow.Load(), fast.Load())
	}
	eventually(t, "nothing is in flight", func() bool { return inFlight(tr) == 0 })
	mu.Lock()
	defer mu.Unlock()
	if len(events) > 0 {
		t.Errorf("losing counted against the slow one: %+v", events)
	}
}

func TestWhatMayNotBeSentTwiceIsNotHedged(t *testing.T) {
	w := newTown(t)
	var n hits
	slow := func(rw http.ResponseWriter, r *http.Request) { time.Sleep(30 * time.Millisecond); n.answer(200)(rw, r) }
	w.serve(slow)
	w.serve(slow)
	c := w.client(WithHedging(Hedging{After: time.Millisecond}))
	r, err := post(t, c, strings.NewReader("ten"))
	want(t, r, err, 200, "200 ten")
	r, err = post(t, c, &closing{Reader: strings.NewReader("ten")}, "Idempotency-Key", "1")
	want(t, r, err, 200, "200 ten")
	if n.Load() != 2 {
		t.Errorf("2 calls made %d tries", n.Load())
	}
	r, err = post(t, c, strings.NewReader("ten"), "Idempotency-Key", "1")
	want(t, r, err, 200, "200 ten")
	if n.Load() < 3 {
		t.Error("the last call was lost")
	}
}

// TestABodyThatThereIsOnceStaysWithItsTry, also as long as nobody has read it.
func TestABodyThatThereIsOnceStaysWithItsTry(t *testing.T) {
	w := newTown(t)
	var one, two hits
	w.serve(one.answer(200))
	w.serve(two.answer(200))
	var dials atomic.Int64
	c := w.client(WithHedging(Hedging{After: time.Millisecond}), WithBase(&http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				time.Sleep(20 * time.Millisecond)
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}))
	r, err := post(t, c, &closing{Reader: strings.NewReader("ten")}, "Idempotency-Key", "1")
	want(t, r, err, 200, "200 ten")
	if n := dials.Load(); n != 1 {
		t.Errorf("%d instances were called", n)
	}
}

func TestHedgesComeOutOfTheBudget(t *testing.T) {
	w, slow, fast := slowOne(t)
	c := w.client(WithHedging(Hedging{After: 50 * time.Millisecond}), WithBudget(Budget{Share: -1, Floor: 0.1}),
		WithTryTimeout(200*time.Millisecond), WithRetries(0))
	failed := 0
	for range 6 {
		r, err := c.Get("http://payments/")
		if err != nil {
			failed++
			continue
		}
		r.Body.Close()
	}
	if tries := slow.Load() + fast.Load(); tries != 7 || int64(failed) != slow.Load()-1 {
		t.Errorf("with a budget of one, 6 calls made %d tries, and %d failed of %d slow ones", tries, failed, slow.Load())
	}
}

func TestAHedgeNeedsAnotherInstance(t *testing.T) {
	w := newTown(t)
	var n hits
	w.serve(func(rw http.ResponseWriter, r *http.Request) { time.Sleep(20 * time.Millisecond); n.answer(200)(rw, r) })
	tr := w.transport(WithHedging(Hedging{After: time.Millisecond}), WithBudget(Budget{Share: -1, Floor: 0.1}))
	r, err := (&http.Client{Transport: tr}).Get("http://payments/")
	want(t, r, err, 200, "200 ")
	if n.Load() != 1 {
		t.Errorf("%d tries", n.Load())
	}
	if !tr.service("payments").budget.spend() {
		t.Error("the hedge that was not sent is paid for")
	}
}

func TestAFailureWhileAHedgeRunsIsWaitedOut(t *testing.T) {
	w := newTown(t)
	late := func(code int, d time.Duration) {
		w.serve(func(rw http.ResponseWriter, _ *http.Request) {
			time.Sleep(d)
			rw.WriteHeader(code)
			fmt.Fprint(rw, code)
		})
	}
	late(503, 30*time.Millisecond)
	late(200, 60*time.Millisecond)
	c := w.client(WithHedging(Hedging{After: 5 * time.Millisecond}), WithRetries(0))
	for range 4 {
		r, err := c.Get("http://payments/")
		want(t, r, err, 200, "200")
	}
}

func TestAPercentileIsToldOnceEnoughIsKnown(t *testing.T) {
	l := &latencies{percentile: 0.9}
	h := Hedging{Percentile: 0.9, After: 5}
	for i := range enough - 1 {
		l.add(time.Duration(i))
		if _, ok := h.delay(l); ok {
			t.Fatalf("a percentile of %d latencies", i+1)
		}
	}
	l.add(enough - 1)
	if d, ok := h.delay(l); d != 28 || !ok {
		t.Errorf("the 90th percentile of 0 to 31 is %d, %v", d, ok)
	}
	for range 2 * remembered {
		l.add(1)
	}
	if d, _ := h.delay(l); d != h.After {
		t.Errorf("it waits %d, the least is %d", d, h.After)
	}
}

func TestAPercentileIsOfTheAnswersOfTheService(t *testing.T) {
	w := newTown(t)
	w.serve(new(hits).answer(200))
	tr := w.transport(WithHedging(Hedging{Percentile: 0.99}))
	for range enough {
		r, err := (&http.Client{Transport: tr}).Get("http://payments/")
		want(t, r, err, 200, "200 ")
	}
	if d, ok := tr.service("payments").latencies.get(); !ok || d > time.Second {
		t.Errorf("%v, %v", d, ok)
	}
}
