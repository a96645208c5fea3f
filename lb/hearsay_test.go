package lb_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/lb"
)

// shareOf is how many of so many calls go to one instance, each of which ends at once and says nothing new.
func shareOf(t *testing.T, s *lb.Service, id string, calls int) (n int) {
	t.Helper()
	for range calls {
		call := acquire(t, s)
		if call.Instance().ID == id {
			n++
		}
		call.Done(lb.Outcome{Verdict: lb.Neutral})
	}
	return n
}

// A server that fails at once is never busy and always quick, and says so with each of its failures.
func TestAdaptiveDoesNotBelieveAServerThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := balancerOf(t, "adaptive", instances(5)).Service("payments")
		for range 500 {
			call := acquire(t, s)
			if call.Instance().ID == "i0000" {
				call.Done(lb.Outcome{Err: errDown, Load: lb.Load{InFlight: 1, Latency: time.Microsecond}})
				continue
			}
			time.Sleep(10 * time.Millisecond)
			call.Done(lb.Outcome{Load: lb.Load{InFlight: 6, Latency: 10 * time.Millisecond}})
		}
		if n := shareOf(t, s, "i0000", 100); n > 5 {
			t.Errorf("%d of 100 calls go to the server that fails", n)
		}
	})
}

// All clients are told of the same queues. If each believed that fully, they would all go to the shortest together, and find
// that it is the longest.
func TestAdaptiveBelievesLittleOfWhatOthersHaveInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := balancerOf(t, "adaptive", instances(2)).Service("payments")
		queue := map[string]float64{"i0000": 4, "i0001": 8}
		calls := map[string]*lb.Call{}
		for len(calls) < 2 {
			call := acquire(t, s)
			if calls[call.Instance().ID] == nil {
				calls[call.Instance().ID] = &call
			}
		}
		time.Sleep(10 * time.Millisecond)
		for id, call := range calls {
			call.Done(lb.Outcome{Load: lb.Load{InFlight: queue[id], Latency: 10 * time.Millisecond}})
		}
		var held []lb.Call
		shortest := 0
		for range 10 {
			call := acquire(t, s)
			if call.Instance().ID == "i0000" {
				shortest++
			}
			held = append(held, call)
		}
		if shortest < 5 || shortest > 7 {
			t.Errorf("%d of 10 calls at once go to the server with the shorter queue, want one or two more than to the other", shortest)
		}
		for _, call := range held {
			call.Done(lb.Outcome{})
		}
	})
}
