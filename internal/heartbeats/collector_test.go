package heartbeats

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
)

func TestHeartbeatsThatComeTogetherGoInOneMessage(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		var all sync.WaitGroup
		for n := range 100 {
			id := fmt.Sprintf("web-%d", n)
			w.register(id, time.Minute)
			all.Go(func() {
				time.Sleep(time.Duration(n) * gatherTime / 101)
				w.beat("n2", id)
			})
		}
		began := time.Now()
		all.Wait()
		if took := time.Since(began); took > 2*gatherTime {
			t.Errorf("the last one was answered after %s", took)
		}
		if n := w.nodes["n2"].collector.Messages(); n != 1 {
			t.Errorf("they made %d messages", n)
		}
	})
}

func TestAFullMessageDoesNotWait(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		many := make([]wire.Heartbeat, 2*maxBeats+1)
		for n := range many {
			many[n] = wire.Heartbeat{Service: "web", ID: fmt.Sprint(n)}
		}
		r, err := w.nodes["n2"].collector.Send(t.Context(), many)
		if err != nil || len(r.Missing) != len(many) {
			t.Fatalf("%d are missing: %v", len(r.Missing), err)
		}
		if n := w.nodes["n2"].collector.Messages(); n != 3 {
			t.Errorf("they made %d messages", n)
		}
	})
}

func TestEachCallerHearsOfItsOwnInstances(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.register("leased", time.Minute)
		w.register("plain", 0)
		var all sync.WaitGroup
		for node := range w.nodes {
			all.Go(func() {
				r, err := w.nodes[node].collector.Send(t.Context(), []wire.Heartbeat{
					{Service: "web", ID: "leased", Digest: record.Digest(w.instance("leased"))},
					{Service: "web", ID: "gone"},
					{Service: "web", ID: "plain", Digest: "another"},
				})
				want := wire.Renewal{
					Renewed: 2,
					Missing: []wire.InstanceName{{Service: "web", ID: "gone"}},
					Differs: []wire.InstanceName{{Service: "web", ID: "plain"}},
				}
				if diff := cmp.Diff(want, r); diff != "" || err != nil {
					t.Errorf("%s: %v %s", node, err, diff)
				}
			})
		}
		all.Wait()
	})
}

func TestAHeartbeatWaitsThroughAnElection(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.register("a", 10*time.Second)
		w.elect("")
		began := time.Now()
		time.AfterFunc(patience*3/4, func() { w.appoint("n3") })
		w.beat("n2", "a")
		if took := time.Since(began); took < patience*3/4 || took > patience {
			t.Errorf("it took %s", took)
		}
	})
}

func TestWithoutALeaderAHeartbeatFailsInTime(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.elect("")
		began := time.Now()
		_, err := w.nodes["n2"].collector.Send(t.Context(), beats("a"))
		if !errors.Is(err, fault.ErrNoLeader) || time.Since(began) != patience {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// A leader that is frozen has the message and says nothing. The next one gets it as soon as it is known.
func TestAMessageThatAFrozenLeaderHasGoesToTheNext(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.register("a", 10*time.Second)
		w.nodes["n1"].leave()
		began := time.Now()
		time.AfterFunc(time.Second, func() { w.appoint("n3") })
		w.beat("n2", "a")
		if took := time.Since(began); took > 1500*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		w.nodes["n1"].come()
	})
}

func TestACallerThatGivesUpTakesItsHeartbeatsBack(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.elect("")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.nodes["n2"].collector.Send(ctx, beats("a")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it says %v", err)
		}
		before := w.nodes["n2"].collector.Messages()
		time.Sleep(time.Second)
		if after := w.nodes["n2"].collector.Messages(); after > before+1 {
			t.Errorf("%d messages are sent for nobody", after-before)
		}
	})
}

func TestMoreThanCanWaitIsRefused(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.elect("")
		many := make([]wire.Heartbeat, maxWaiting)
		var waiting sync.WaitGroup
		waiting.Go(func() { _, _ = w.nodes["n2"].collector.Send(t.Context(), many) })
		synctest.Wait()
		if _, err := w.nodes["n2"].collector.Send(t.Context(), many); !errors.Is(err, fault.ErrOverloaded) {
			t.Errorf("it says %v", err)
		}
		waiting.Wait()
	})
}

func TestANodeThatStopsSendsItsCallersElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, nodes: map[string]*member{}, changed: make(chan struct{})}
		m := &member{world: w, id: "n1"}
		c := NewCollector(m, "n1", nil)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { c.Run(ctx) })
		time.AfterFunc(time.Second, stop)
		if _, err := c.Send(t.Context(), beats("a")); !errors.Is(err, fault.ErrNoLeader) {
			t.Errorf("who waits hears %v", err)
		}
		running.Wait()
		if _, err := c.Send(t.Context(), beats("a")); !errors.Is(err, fault.ErrNoLeader) {
			t.Errorf("who comes later hears %v", err)
		}
	})
}
