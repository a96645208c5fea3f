package heartbeats

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

func TestHeartbeatsKeepALeaseAndTheLogHearsOnlyOfItsEnd(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		const ttl = 2 * time.Second
		w.register("a", ttl)
		before := w.index()
		for n := range 20 {
			time.Sleep(ttl / 3)
			w.beat([]string{"n1", "n2", "n3"}[n%3], "a")
		}
		if after := w.index(); after != before {
			t.Errorf("heartbeats took the index from %d to %d", before, after)
		}
		time.Sleep(ttl - gatherTime)
		if w.instance("a").Expired {
			t.Error("it ran out before its time")
		}
		time.Sleep(gatherTime + 2*health.Tick)
		if !w.instance("a").Expired || w.nodes["n1"].keeper.Expired() != 1 {
			t.Error("it did not run out")
		}
	})
}

func TestAHeartbeatForALeaseThatHasRunOutRevivesIt(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.register("a", time.Second)
		time.Sleep(2 * time.Second)
		w.beat("n2", "a", "a") // two clients may speak for it
		if i := w.instance("a"); i.Expired || i.Status != registry.Healthy {
			t.Errorf("a heartbeat was acknowledged, and it is %s", i.Status)
		}
	})
}

// The expiry is on its way to a majority. Whether it is in the log nobody knows: no heartbeat for the lease may be
// acknowledged, and others must not wait for it.
func TestWhileAnExpiryIsUndecidedNoHeartbeatIsAcknowledged(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.register("a", time.Second)
		w.register("b", time.Minute)
		w.holdLog()
		time.Sleep(1200 * time.Millisecond)
		var waiting sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		acknowledged := false
		waiting.Go(func() {
			r, err := w.nodes["n2"].collector.Send(ctx, beats("a"))
			acknowledged = err == nil && r.Renewed == 1
		})
		began := time.Now()
		w.beat("n2", "b")
		if took := time.Since(began); took > 2*gatherTime+openTime {
			t.Errorf("another heartbeat waited %s", took)
		}
		time.Sleep(patience * 3 / 4)
		if acknowledged {
			t.Fatal("a heartbeat was acknowledged while the lease may have run out")
		}
		w.releaseLog()
		waiting.Wait()
		if i := w.instance("a"); !acknowledged || i.Expired {
			t.Errorf("acknowledged %t, expired %t", acknowledged, i.Expired)
		}
	})
}

// The leader gave up waiting for an expiry, which may be in the log all the same.
func TestAnExpiryWhoseOutcomeIsUnknownStaysUndecided(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.register("a", time.Second)
		w.holdLog()
		time.Sleep(time.Second + decideTimeout + 200*time.Millisecond)
		if r, err := w.nodes["n2"].collector.Send(t.Context(), beats("a")); err == nil {
			t.Errorf("a heartbeat was acknowledged while the lease may have run out: %+v", r)
		}
		w.releaseLog()
		w.beat("n2", "a")
		if w.instance("a").Expired {
			t.Error("a heartbeat was acknowledged, and it is shown as expired")
		}
	})
}

func TestAHeartbeatIsNotAcknowledgedUnlessTheLeadershipIsConfirmed(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.register("a", time.Minute)
		w.nodes["n1"].doubts = fault.ErrNoLeader
		if _, err := w.nodes["n2"].collector.Send(t.Context(), beats("a")); !errors.Is(err, fault.ErrNoLeader) {
			t.Errorf("it says %v", err)
		}
	})
}

// The round succeeds, since the next leader confirms it. What the last one has noted does not count.
func TestAHeartbeatThatAnEarlierLeaderHasNotedIsPutToTheNextOne(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.register("a", 2*time.Second)
		var once sync.Once
		w.nodes["n1"].round = func() { once.Do(func() { w.elect("n3") }) }
		time.Sleep(1900 * time.Millisecond)
		w.beat("n2", "a")
		if n := w.nodes["n2"].collector.Messages(); n < 2 {
			t.Errorf("acknowledged by the leader of another term, after %d messages", n)
		}
		time.Sleep(1900 * time.Millisecond)
		if w.instance("a").Expired {
			t.Error("it ran out before its time")
		}
	})
}

// Clients of a node that is gone have to find another one first. That time is given to them once.
func TestWhenTheNodeThatTookTheHeartbeatsIsGoneItsLeasesGetAGrace(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		const ttl = 2 * time.Second
		w.register("a", ttl)
		w.register("b", ttl)
		w.beat("n2", "a")
		w.beat("n3", "b")
		time.Sleep(time.Second)
		w.nodes["n2"].leave()
		time.Sleep(1200 * time.Millisecond)
		if w.instance("a").Expired || !w.instance("b").Expired {
			t.Errorf("a by the node that is gone: expired %t; b by another: expired %t", w.instance("a").Expired, w.instance("b").Expired)
		}
		time.Sleep(ttl)
		if !w.instance("a").Expired {
			t.Error("the grace has no end")
		}
		w.nodes["n2"].come()
	})
}

func TestALeadershipThatIsHandedOverTakesTheAgesOfTheLeasesAlong(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		const ttl = 4 * time.Second
		w.register("old", ttl)
		time.Sleep(3 * time.Second)
		w.register("young", ttl)
		w.elect("n2")
		time.Sleep(1200 * time.Millisecond)
		if !w.instance("old").Expired || w.instance("young").Expired {
			t.Errorf("old expired %t, young expired %t", w.instance("old").Expired, w.instance("young").Expired)
		}
	})
}

func TestALeaderThatIsGoneLeavesEveryLeaseItsFullTime(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		const ttl = 4 * time.Second
		w.register("a", ttl)
		time.Sleep(3 * time.Second)
		w.nodes["n1"].leave()
		w.elect("n2")
		time.Sleep(ttl - 4*health.Tick)
		if w.instance("a").Expired {
			t.Error("it ran out before its time")
		}
		time.Sleep(6 * health.Tick)
		if !w.instance("a").Expired {
			t.Error("it did not run out")
		}
		w.nodes["n1"].come()
	})
}

func TestAnInstanceThatNobodyMissesIsDeregistered(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		i := registry.Instance{Service: "web", ID: "a", Address: "10.0.0.1", Port: 80, Lease: &registry.Lease{
			TTL: registry.Duration(time.Second), DeregisterAfter: registry.Duration(5 * time.Second),
		}}
		if _, err := w.write(registry.Register{Instance: i.Normalize()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if !w.instance("a").Expired {
			t.Error("it did not run out")
		}
		time.Sleep(2 * time.Second)
		r, err := w.nodes["n3"].collector.Send(t.Context(), beats("a"))
		if err != nil || len(r.Missing) != 1 || w.nodes["n1"].keeper.Reaped() != 1 {
			t.Errorf("%+v, %d reaped: %v", r, w.nodes["n1"].keeper.Reaped(), err)
		}
	})
}
