package lb_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/lb"
)

// caller makes calls one after the other until a time, each of which lasts as long as the instance takes.
func caller(t *testing.T, s *lb.Service, until time.Time, takes func(id string) time.Duration) {
	for time.Now().Before(until) {
		call := acquire(t, s)
		time.Sleep(takes(call.Instance().ID))
		call.Done(lb.Outcome{})
	}
}

// What is known of latency is learned where calls end. Of one that hangs none ends, and what was known praises it for ever.
func TestWhoWasQuickAndHangsDoesNotDrawAllCallers(t *testing.T) {
	for _, strategy := range []string{"adaptive", "peak-ewma"} {
		t.Run(strategy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := balancerOf(t, strategy, instances(5)).Service("payments")
				const callers = 50
				quick := time.Millisecond
				takes := func(id string) time.Duration {
					if id == "i0002" {
						return quick
					}
					return 20 * time.Millisecond
				}
				caller(t, s, time.Now().Add(time.Second), takes)
				quick = time.Hour
				ends := time.Now().Add(5 * time.Second)
				var all sync.WaitGroup
				for n := range callers {
					all.Go(func() {
						time.Sleep(time.Duration(n) * 400 * time.Microsecond) // not all at once
						caller(t, s, ends, takes)
					})
				}
				time.Sleep(time.Until(ends))
				if n := endpoints(s)["i0002"].InFlight; n > 8 {
					t.Errorf("%d of %d callers hang", n, callers)
				}
				all.Wait()
			})
		})
	}
}

// TestAStreamIsNoSilence: a stream that lasts, and a body that is long, say nothing against the instance.
func TestAStreamIsNoSilence(t *testing.T) {
	for _, strategy := range []string{"adaptive", "peak-ewma"} {
		synctest.Test(t, func(t *testing.T) {
			s := balancerOf(t, strategy, instances(2)).Service("payments")
			caller(t, s, time.Now().Add(time.Second), func(string) time.Duration { return 10 * time.Millisecond })
			open := map[string]int{}
			for open["i0000"] == 0 || open["i0001"] == 0 || open["i0000"]+open["i0001"] < 10 {
				stream, err := s.Acquire(t.Context(), lb.Query{Stream: true})
				if err != nil {
					t.Fatal(err)
				}
				defer stream.Done(lb.Outcome{})
				download := acquire(t, s)
				time.Sleep(10 * time.Millisecond)
				download.Answered()
				download.Answered()
				defer download.Done(lb.Outcome{})
				open[stream.Instance().ID]++
			}
			time.Sleep(time.Hour)
			got := got(t, s, 200)
			if got["i0000"] < 20 || got["i0001"] < 20 {
				t.Errorf("%s: after an hour of streams, and silence else: %v", strategy, got)
			}
			for id, e := range endpoints(s) {
				if e.Latency > 11*time.Millisecond {
					t.Errorf("%s: latency of %s is %v", strategy, id, e.Latency)
				}
			}
		})
	}
}

func TestLatencyIsTheTimeToTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := balancerOf(t, "adaptive", instances(1)).Service("payments")
		call := acquire(t, s)
		time.Sleep(time.Second)
		call.Answered()
		expectInFlight(t, s, 1)
		time.Sleep(time.Minute)
		call.Done(lb.Outcome{})
		call.Answered()
		call.Done(lb.Outcome{})
		expectInFlight(t, s, 0)
		if e := endpoints(s)["i0000"]; e.Latency != time.Second {
			t.Errorf("latency is %v", e.Latency)
		}
		for _, o := range []lb.Outcome{{}, {Verdict: lb.Neutral}, {Err: errDown}} {
			stream, err := s.Acquire(t.Context(), lb.Query{Stream: true})
			if err != nil {
				t.Fatal(err)
			}
			expectInFlight(t, s, 1)
			time.Sleep(time.Minute)
			stream.Answered()
			stream.Done(o)
			expectInFlight(t, s, 0)
			if e := endpoints(s)["i0000"]; e.Latency != time.Second || (e.Success == 1) != (o.Err == nil) {
				t.Errorf("after a stream, latency is %v and success %v", e.Latency, e.Success)
			}
		}
	})
}

// TestFailuresLowerTheShareOfSuccess: it is not only that the first failure of all counts as slow.
func TestFailuresLowerTheShareOfSuccess(t *testing.T) {
	for name, failure := range map[string]lb.Outcome{"failure": {Err: errDown}, "rejected": {Verdict: lb.Rejected}} {
		synctest.Test(t, func(t *testing.T) {
			s := balancerOf(t, "adaptive", instances(5)).Service("payments")
			caller(t, s, time.Now().Add(2*time.Second), func(string) time.Duration { return 10 * time.Millisecond })
			if e := endpoints(s)["i0003"]; e.Latency < 9*time.Millisecond || e.Latency > 11*time.Millisecond || e.Success != 1 {
				t.Fatalf("%s: before, %+v", name, e)
			}
			lost := 0
			for range 1000 {
				call := acquire(t, s)
				if call.Instance().ID == "i0003" {
					lost++
					call.Done(failure)
					continue
				}
				time.Sleep(10 * time.Millisecond)
				call.Done(lb.Outcome{})
			}
			if lost < 2 || lost > 20 {
				t.Errorf("%s: %d of 1,000 calls went to the one that fails at once", name, lost)
			}
			if e := endpoints(s)["i0003"]; e.Success > 0.9 {
				t.Errorf("%s: its share of success is %v", name, e.Success)
			}
		})
	}
}

// TestOneCallerGoesToAllThatAreAsGood: small differences are chance, and who is not called is not known.
func TestOneCallerGoesToAllThatAreAsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := balancerOf(t, "adaptive", instances(3)).Service("payments")
		calls := map[string]int{}
		for n := range 300 {
			call := acquire(t, s)
			calls[call.Instance().ID]++
			time.Sleep(10*time.Millisecond + time.Duration(n%7)*200*time.Microsecond)
			call.Done(lb.Outcome{})
		}
		for _, id := range []string{"i0000", "i0001", "i0002"} {
			if calls[id] < 50 {
				t.Errorf("%s got %d of 300 calls, among three that are alike", id, calls[id])
			}
		}
	})
}

// TestManyFailuresAtOnceAreNoticed: however short the time in which they come.
func TestManyFailuresAtOnceAreNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := balancerOf(t, "adaptive", instances(1)).Service("payments")
		caller(t, s, time.Now().Add(time.Second), func(string) time.Duration { return 10 * time.Millisecond })
		for range 10 {
			call := acquire(t, s)
			time.Sleep(time.Microsecond)
			call.Done(lb.Outcome{Err: errDown})
		}
		if e := endpoints(s)["i0000"]; e.Success > 0.4 {
			t.Errorf("after ten failures its share of success is %v", e.Success)
		}
	})
}

// TestWhoAnswersIsNotSilent, though some call waits there at every moment.
func TestWhoAnswersIsNotSilent(t *testing.T) {
	for _, strategy := range []string{"adaptive", "peak-ewma"} {
		synctest.Test(t, func(t *testing.T) {
			const takes = 10 * time.Millisecond
			s := balancerOf(t, strategy, instances(2)).Service("payments")
			var not [2]lb.Tried // to go to the other
			not[0].Add("i0000")
			not[1].Add("i0001")
			begin := func(n int) lb.Call {
				call, err := s.Acquire(t.Context(), lb.Query{Tried: &not[1-n]})
				if err != nil {
					t.Fatal(err)
				}
				return call
			}
			for n := range 2 {
				call := begin(n)
				time.Sleep(takes)
				call.Done(lb.Outcome{})
			}
			before, unread := begin(0), []lb.Call{}
			for range 200 { // each begins before the last one ends
				time.Sleep(takes / 2)
				next := begin(0)
				time.Sleep(takes / 2)
				if strategy == "adaptive" { // the bodies of its answers are read to the end later
					before.Answered()
					unread = append(unread, before)
				} else {
					before.Done(lb.Outcome{})
				}
				before = next
			}
			for i := range unread {
				unread[i].Done(lb.Outcome{})
			}
			for range 6 {
				begin(1)
			}
			time.Sleep(takes / 2)
			if call := acquire(t, s); call.Instance().ID != "i0000" {
				t.Errorf("%s: six wait at one, and it is preferred to the other, where one waits", strategy)
			}
		})
	}
}
