package node

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/roster"
)

func TestADrainOfWhatNobodyWatchesTakesOneQuestion(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		drained, took := c.drain(t.Context(), time.Minute)
		wantDrained(t, drained, 0)
		if took != 2*oneWay || c.calls["R2"] != 1 || c.calls["R3"] != 1 || c.calls["R1"] != 0 {
			t.Errorf("it took %s and the calls %v", took, c.calls)
		}
	})
}

func TestADrainIsOverWhenTheLastWatchOnAnyNodeHasConfirmed(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		for id, after := range map[string]time.Duration{"R1": time.Second, "R2": 3 * time.Second, "R3": 0} {
			w := c.join(t, id, "on "+id)
			go func() {
				<-w.Nudge()
				time.Sleep(after)
				c.confirm(t, id, w, 7)
			}()
		}
		drained, took := c.drain(t.Context(), time.Minute)
		wantDrained(t, drained, 3)
		if took < 3*time.Second || took > 3*time.Second+questionPause {
			t.Errorf("it took %s", took)
		}
	})
}

func TestADrainNamesWhoIsPendingAtTheEndOfTheTime(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		c.join(t, "R3", "frozen")
		c.join(t, "R3", "frozen") // two of a name are told once
		c.join(t, "R2", "asleep")
		c.confirm(t, "R2", c.join(t, "R2", "fine"), 8)
		drained, took := c.drain(t.Context(), 2500*time.Millisecond)
		wantDrained(t, drained, 1, "asleep", "frozen")
		if took < 2500*time.Millisecond || took > 2500*time.Millisecond+2*oneWay {
			t.Errorf("it took %s", took)
		}
		synctest.Wait()
	})
}

// What one node says of a watch that broke off there is what the others are asked about next, without a pause that the caller
// would feel.
func TestAWatchThatHasMovedIsFoundAtOnce(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		c.join(t, "R2", "moved").Leave()
		c.confirm(t, "R3", c.join(t, "R3", "moved"), 7)
		drained, took := c.drain(t.Context(), time.Minute)
		wantDrained(t, drained, 1)
		if took > 2*firstPause+4*oneWay {
			t.Errorf("it took %s", took)
		}
	})
}

func TestANodeThatCannotBeReachedIsNamedAndAskedAgain(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		c.set(func() { c.away["R2"] = true })
		c.confirm(t, "R2", c.join(t, "R2", "there"), 7)
		drained, took := c.drain(t.Context(), 5*time.Second)
		wantDrained(t, drained, 0, "node:n2")
		if took < 5*time.Second || took > 5*time.Second+answerGrace {
			t.Errorf("it took %s", took)
		}
		go func() {
			time.Sleep(2 * time.Second)
			c.set(func() { c.away["R2"] = false })
		}()
		drained, took = c.drain(t.Context(), 5*time.Second)
		wantDrained(t, drained, 1)
		if took > 2*time.Second+longestQuestion+answerGrace+questionPause {
			t.Errorf("once it was back, it took until %s", took)
		}
	})
}

func TestANodeThatFallsSilentMeanwhileIsNamedBesideItsWatches(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		c.join(t, "R2", "pending")
		go func() {
			time.Sleep(1500 * time.Millisecond)
			c.set(func() { c.away["R2"] = true })
		}()
		drained, _ := c.drain(t.Context(), 5*time.Second)
		wantDrained(t, drained, 0, "pending", "node:n2")
	})
}

func TestANodeThatHasNotAppliedTheIndexIsWaitedForEvenThisOne(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		for _, id := range []string{"R1", "R2"} {
			c.confirm(t, id, c.join(t, id, "on "+id), 8) // has confirmed, yet its node may not know of others
		}
		began := time.Now()
		for id, after := range map[string]time.Duration{"R1": 1500 * time.Millisecond, "R2": 400 * time.Millisecond} {
			go func() {
				time.Sleep(after)
				c.apply(id, 9)
			}()
		}
		drained := c.nodes["R1"].drain(t.Context(), "payments", 9, 300*time.Millisecond)
		wantDrained(t, drained, 0, "node:n1", "node:n2", "node:n3")
		c.apply("R3", 9)
		drained = c.nodes["R1"].drain(t.Context(), "payments", 8, 3*time.Second)
		wantDrained(t, drained, 2)
		if took := time.Since(began); took < 1500*time.Millisecond || took > 1500*time.Millisecond+questionPause {
			t.Errorf("it took %s", took)
		}
	})
}

func TestANodeThatHasJustStartedIsNamedUntilItIsOld(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		c.nodes["R3"].roster = roster.New(time.Now())
		c.confirm(t, "R3", c.join(t, "R3", "there"), 7)
		drained, took := c.drain(t.Context(), 10*time.Second)
		wantDrained(t, drained, 1, "node:n3")
		if took < 10*time.Second {
			t.Errorf("it took only %s", took)
		}
		drained, took = c.drain(t.Context(), time.Minute)
		wantDrained(t, drained, 1)
		if took < 19*time.Second || took > 21*time.Second {
			t.Errorf("it took another %s", took)
		}
	})
}

func TestInAClusterThatHasJustBeenFormedNobodyIsWaitedForWhoWatchedBefore(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		for _, n := range c.nodes {
			n.roster = roster.New(time.Now())
		}
		c.first["R1"], c.first["R2"] = true, true
		drained, _ := c.drain(t.Context(), 10*time.Second)
		wantDrained(t, drained, 0, "node:n3")
		c.first["R3"] = true
		c.confirm(t, "R3", c.join(t, "R3", "there"), 7)
		drained, took := c.drain(t.Context(), 10*time.Second)
		wantDrained(t, drained, 1)
		if took > 10*oneWay {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAWatchThatBrokeOffIsNamedUntilItHasConfirmedElsewhere(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		c.join(t, "R2", "moved").Leave()
		drained, took := c.drain(t.Context(), 5*time.Second)
		wantDrained(t, drained, 0, "moved")
		if took < 5*time.Second {
			t.Errorf("it took only %s", took)
		}
		go func() {
			time.Sleep(time.Second)
			w := c.join(t, "R1", "moved")
			time.Sleep(time.Second)
			c.confirm(t, "R1", w, 7)
		}()
		drained, took = c.drain(t.Context(), 5*time.Second)
		wantDrained(t, drained, 1)
		if took < 2*time.Second || took > 2*time.Second+2*questionPause {
			t.Errorf("when it confirmed on another node, it took until %s", took)
		}
	})
}

func TestAWatchThatBrokeOffLongAgoIsForgotten(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		c.join(t, "R2", "gone").Leave()
		time.Sleep(roster.Memory - 3*time.Second)
		drained, took := c.drain(t.Context(), 5*time.Second)
		wantDrained(t, drained, 0)
		if took < 2*time.Second || took > 3*time.Second+2*questionPause {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAWatchThatWasConfirmedOnAnotherNodeBeforeIsFound(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		c.join(t, "R2", "moved").Leave()
		c.join(t, "R1", "moved too").Leave()
		c.confirm(t, "R3", c.join(t, "R3", "moved"), 7)
		c.confirm(t, "R3", c.join(t, "R3", "moved too"), 7)
		drained, took := c.drain(t.Context(), time.Minute)
		wantDrained(t, drained, 2)
		if took > 2*questionPause {
			t.Errorf("it took %s", took)
		}
	})
}

func TestADrainThatIsGivenUpTellsWhatIsKnown(t *testing.T) {
	meeting(t, func(t *testing.T, c *company) {
		c.join(t, "R2", "pending")
		c.confirm(t, "R3", c.join(t, "R3", "fine"), 7)
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, stop)
		drained, took := c.drain(ctx, time.Minute)
		wantDrained(t, drained, 1, "pending")
		if took != 1500*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		drained, took = c.drain(ctx, time.Minute)
		wantDrained(t, drained, 0, "node:n2", "node:n3") // it knows of itself alone
		if took != 0 {
			t.Errorf("it took %s", took)
		}
	})
}
