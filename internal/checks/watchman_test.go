package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

func TestFewerFailuresThanFallAreNotFound(t *testing.T) {
	for name, r := range map[string]probe.Result{"refused": refused, "silent": nothing} {
		t.Run(name, func(t *testing.T) {
			play(t, 3, func(t *testing.T, w *world) {
				w.register("payments", 9, tcp())
				w.behave(func(string, string) probe.Result { return r })
				time.Sleep(2 * interval)
				w.behave(func(string, string) probe.Result { return good })
				time.Sleep(time.Minute)
				if came := w.transitions(); len(came) > 0 {
					t.Errorf("%d transitions", len(came))
				}
			})
		})
	}
}

// What came back while its node was blind, others have to find.
func TestAnInstanceThatComesBackToABlindNodeIsFoundByTheOthers(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 60, tcp())
		w.behave(affect(12, refused))
		time.Sleep(3*interval + 3*time.Second)
		w.behave(func(node, _ string) probe.Result {
			if node == "n2" {
				return nothing
			}
			return good
		})
		time.Sleep(time.Minute)
		if n := w.count(registry.Healthy); n != 60 {
			t.Errorf("%d of 60 are healthy", n)
		}
	})
}

func TestOfThreeNodesOneThatReachesAllIsEnough(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 60, tcp())
		w.behave(func(node, _ string) probe.Result {
			if node != "n3" {
				return nothing
			}
			return good
		})
		time.Sleep(3 * time.Minute)
		state, _ := w.current()
		for i := range state.Service("payments").Instances() {
			if c := i.Checks[0]; c.Status != registry.Healthy {
				t.Errorf("%s is %s: %s", i.ID, c.Status, c.Output)
			}
		}
	})
}

func TestWhoCanNotAskIsReplacedByTheNextToConfirm(t *testing.T) {
	play(t, 4, func(t *testing.T, w *world) {
		w.register("payments", 1, tcp())
		state, _ := w.current()
		i, _ := state.Instance("payments", "i000")
		n := w.nodes["n1"]
		unable := n.shares.Others("payments", "i000")[0]
		w.behave(func(node, _ string) probe.Result {
			if node == unable {
				return probe.Result{Verdict: probe.Impossible}
			}
			return nothing
		})
		if votes, _ := n.watchman.canvass(t.Context(), i, &i.Checks[0]); len(votes) != 2 {
			t.Errorf("the votes are %+v", votes)
		}
	})
}

// hears has a node's own side hear an answer to the only check of an instance.
func (n *node) hears(id string, r probe.Result, judgement registry.Status) {
	state, _ := n.current()
	i, err := state.Instance("payments", id)
	if err != nil {
		n.t.Fatal(err)
	}
	n.watchman.Hear(health.Answer{Instance: i, Target: targetOf(i, &i.Checks[0]), Result: r, Judgement: judgement})
}

func TestACheckIsConfirmedOnceAtATime(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 1, tcp())
		n := w.nodes["n1"]
		w.behave(func(string, string) probe.Result { return nothing })
		before := w.timesAsked("i000")
		for range 3 {
			n.hears("i000", nothing, registry.Unhealthy)
			time.Sleep(500 * time.Millisecond) // of the 2 s that a confirmation takes
		}
		w.behave(func(string, string) probe.Result { return good })
		if asked := w.timesAsked("i000") - before; asked != 2 || n.watchman.Confirmations() != 1 {
			t.Errorf("two others asked it %d times in %d confirmations", asked, n.watchman.Confirmations())
		}
		time.Sleep(20 * time.Second)
		n.hears("i000", nothing, registry.Unhealthy)
		time.Sleep(time.Second)
		if n.watchman.Confirmations() != 2 {
			t.Error("what was confirmed once is never confirmed again")
		}
	})
}

// The others' silence is about the time before the answer.
func TestAnAnswerOvertakesTheConfirmationOfSilence(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 1, tcp())
		w.behave(func(string, string) probe.Result { return nothing })
		n := w.nodes["n1"]
		n.hears("i000", nothing, registry.Unhealthy)
		time.Sleep(time.Second)
		n.hears("i000", good, registry.Healthy)
		w.behave(func(string, string) probe.Result { return good })
		time.Sleep(5 * time.Second)
		if came := w.transitions(); len(came) > 0 {
			t.Errorf("an instance that answers was taken out: %+v", came[0].Cause)
		}
	})
}

// Findings wait on their node for a leader.
func TestWhatIsFoundDuringAnElectionIsDecidedAfterIt(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		often := tcp()
		often.Fall, often.Interval = 1, registry.Duration(8*time.Second)
		w.register("payments", 50, often)
		w.elect("")
		w.behave(affect(30, refused))
		time.Sleep(12*time.Second + 500*time.Millisecond) // the first time after a registration may take half as long again
		w.elect("n2")
		time.Sleep(retryPause + 2*gatherTime)
		if n := w.count(registry.Unhealthy); n != 30 {
			t.Errorf("%d of 30 are unhealthy", n)
		}
	})
}

// A check that no node may ask stays unknown, and says why.
func TestWhatCanNotBeAskedSaysWhy(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.behave(func(string, string) probe.Result { return probe.Result{Output: "forbidden"} })
		i := registry.Instance{Service: "payments", ID: "i0", Address: "169.254.169.254", Port: 80, Checks: []registry.Check{tcp()}}
		if _, err := w.apply(registry.Register{Instance: i.Normalize()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		state, _ := w.current()
		kept, _ := state.Instance("payments", "i0")
		if c := kept.Checks[0]; c.Status != registry.Unknown || c.Output != "forbidden" {
			t.Errorf("it is %s: %q", c.Status, c.Output)
		}
		if w.written() != 2 {
			t.Errorf("it took %d entries", w.written())
		}
	})
}

// What one leader took out, the one after the next must know too.
func TestALeaderThatComesBackKnowsWhatWasTakenOutMeanwhile(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 50, tcp())
		w.behave(affect(40, nothing))
		for w.count(registry.Unhealthy) < 10 {
			time.Sleep(time.Second)
		}
		w.elect("n2")
		for w.count(registry.Unhealthy) < 20 {
			time.Sleep(time.Second)
		}
		w.elect("n1")
		time.Sleep(time.Minute)
		expectAtMost(t, w, 10)
		for id, n := range w.nodes {
			if n.watchman.Doubts() {
				t.Errorf("%s doubts itself although all agree", id)
			}
		}
	})
}

func TestOutputsAreShortAndWholeCharacters(t *testing.T) {
	if got := shorten(strings.Repeat("a", maxOutput-1) + "ä"); got != strings.Repeat("a", maxOutput-1)+"�" {
		t.Errorf("it ends in %q", got[maxOutput-4:])
	}
}

// An instance that was deregistered after its first good answer gives no other one, which would end what is remembered of it.
func TestNothingIsRememberedOfInstancesThatHaveGone(t *testing.T) {
	play(t, 1, func(t *testing.T, w *world) {
		w.register("payments", 9, tcp())
		w.behave(affect(9, refused))
		time.Sleep(4 * interval)
		n := w.nodes["n1"]
		for _, id := range ids("i", 8) {
			n.hears(id, good, registry.Unhealthy) // of two that it takes
			if _, err := w.apply(registry.Deregister{Service: "payments", ID: id}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(sweepEvery)
		n.hears("i008", good, registry.Unhealthy)
		n.watchman.mu.Lock()
		defer n.watchman.mu.Unlock()
		if len(n.watchman.well) != 1 {
			t.Errorf("%d checks are remembered, of the one that there is", len(n.watchman.well))
		}
	})
}
