package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

const interval = 10 * time.Second

func tcp() registry.Check {
	return registry.Check{Type: registry.CheckTCP, Interval: registry.Duration(interval), Timeout: registry.Duration(2 * time.Second), Fall: 3}
}

// first tells whether an instance is one of the first so many.
func first(many int, id string) bool { return id < "i"+strings.Repeat("0", 1)+twoDigits(many) }

func twoDigits(n int) string { return string([]byte{byte('0' + n/10), byte('0' + n%10)}) }

// affect has the first so many instances answer in another way.
func affect(many int, r probe.Result) func(node, instance string) probe.Result {
	return func(_, instance string) probe.Result {
		if first(many, instance) {
			return r
		}
		return good
	}
}

func TestANodeThatLosesItsWayToAllInstancesTakesNoneOut(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 30, tcp())
		w.behave(func(node, _ string) probe.Result {
			if node == "n2" {
				return nothing
			}
			return good
		})
		time.Sleep(3 * time.Minute)
		if came := w.transitions(); len(came) > 0 {
			t.Fatalf("%d transitions; the first: %+v, %+v", len(came), came[0], came[0].Cause)
		}
		if state, _ := w.current(); state.Service("payments").Preserved() > 0 {
			t.Error("instances are preserved, which others reach")
		}
		w.behave(func(string, string) probe.Result { return good })
		time.Sleep(time.Minute)
		state, _ := w.current()
		for i := range state.Service("payments").Instances() {
			if i.Checks[0].Status != registry.Healthy {
				t.Errorf("%s is %s long after: %s", i.ID, i.Checks[0].Status, i.Checks[0].Output)
			}
		}
	})
}

// What is registered while a node is blind must not wait for it to see again.
func TestANewInstanceOfABlindNodeIsFoundByTheOthers(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 30, tcp())
		w.behave(func(node, _ string) probe.Result {
			if node == "n2" {
				return nothing
			}
			return good
		})
		time.Sleep(time.Minute)
		w.mu.Lock()
		w.history = nil
		w.mu.Unlock()
		for _, id := range []string{"new1", "new2", "new3", "new4", "new5", "new6"} {
			i := registry.Instance{Service: "payments", ID: id, Address: "10.9.9." + id[3:], Port: 80, Checks: []registry.Check{tcp()}}
			if _, err := w.apply(registry.Register{Instance: i.Normalize()}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if n := w.count(registry.Healthy); n != 36 {
			t.Errorf("%d instances are healthy, want 36", n)
		}
	})
}

func TestTheInstancesOfADeadNodeAreAskedAgainSoon(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 90, tcp())
		time.Sleep(interval)
		w.die("n2")
		death := time.Now()
		time.Sleep(interval + 5*time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		for id, times := range w.asked {
			if last := times[len(times)-1]; last.Before(death) {
				t.Errorf("%s was asked for the last time %s before the death", id, death.Sub(last))
			}
		}
	})
}

func TestWhatIsKilledIsShownUnhealthySoon(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 50, tcp())
		time.Sleep(3 * time.Second)
		w.behave(affect(30, refused))
		time.Sleep(3*interval + 3*time.Second)
		if n := w.count(registry.Unhealthy); n != 30 {
			t.Errorf("%d are unhealthy, want 30", n)
		}
		for _, came := range w.transitions() {
			if came.Cause.Rule != registry.RuleCheckFailed || came.Cause.Evidence != "connection refused" || len(came.Cause.SeenBy) != 1 {
				t.Fatalf("%+v", came.Cause)
			}
		}
		if w.written() > 150 {
			t.Errorf("it took %d entries", w.written())
		}
		w.behave(func(string, string) probe.Result { return good })
		time.Sleep(interval + 3*time.Second)
		if n := w.count(registry.Healthy); n != 50 {
			t.Errorf("%d are healthy again, want 50", n)
		}
	})
}

func TestSilenceTakesOutNoMoreThanAFifthInAMinute(t *testing.T) {
	for name, nodes := range map[string]int{"three nodes": 3, "a node on its own": 1} {
		t.Run(name, func(t *testing.T) {
			play(t, nodes, func(t *testing.T, w *world) {
				w.register("payments", 50, tcp())
				w.behave(affect(30, nothing))
				time.Sleep(3*interval + 10*time.Second)
				state, _ := w.current()
				service := state.Service("payments")
				if out := w.count(registry.Unhealthy); out != 10 || service.Preserved() != 20 {
					t.Errorf("%d are out and %d preserved, want 10 and 20", out, service.Preserved())
				}
				w.elect("n1") // what it knows, the next term must find in the history
				time.Sleep(2*time.Minute + 30*time.Second)
				if out := w.count(registry.Unhealthy); out != 30 {
					t.Errorf("%d are out after three minutes, want all 30", out)
				}
				expectAtMost(t, w, 10)
				w.behave(func(string, string) probe.Result { return good })
				time.Sleep(time.Minute)
				state, _ = w.current()
				if healthy := w.count(registry.Healthy); healthy != 50 || state.Service("payments").Preserved() != 0 {
					t.Errorf("a minute after healing %d are healthy", healthy)
				}
			})
		})
	}
}

// expectAtMost looks at every minute.
func expectAtMost(t *testing.T, w *world, most int) {
	t.Helper()
	var out []int64
	for _, came := range w.transitions() {
		if came.Cause.Rule == registry.RuleCheckSilent {
			out = append(out, came.Time)
		}
	}
	for n := most; n < len(out); n++ {
		if between := time.Duration(out[n] - out[n-most]); between < time.Minute {
			t.Fatalf("silence took out %d within %s", most+1, between)
		}
	}
}

func TestAnInstanceThatTogglesIsHeldDown(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		toggling := tcp()
		toggling.Interval, toggling.Timeout, toggling.Fall = registry.Duration(time.Second), registry.Duration(time.Second), 1
		w.register("payments", 1, toggling)
		began := time.Now()
		w.behave(func(string, string) probe.Result {
			if int(time.Since(began)/time.Second)%2 == 0 {
				return refused
			}
			return good
		})
		entries := w.written()
		for range 5 {
			time.Sleep(time.Minute)
			if w.count(registry.Unhealthy) != 1 {
				t.Error("it is not shown as unhealthy")
			}
		}
		if came := w.transitions(); len(came) > 5 {
			t.Errorf("%d transitions", len(came))
		}
		if entries = w.written() - entries; entries > 20 {
			t.Errorf("it took %d entries", entries)
		}
		state, _ := w.current()
		i, _ := state.Instance("payments", "i000")
		if !strings.HasPrefix(i.Checks[0].Output, dampedPrefix) {
			t.Errorf("its output is %q", i.Checks[0].Output)
		}
		w.behave(func(string, string) probe.Result { return good })
		time.Sleep(firstHold - time.Second)
		if w.count(registry.Healthy) != 0 {
			t.Error("it came back too early")
		}
		time.Sleep(3 * time.Second)
		if w.count(registry.Healthy) != 1 {
			t.Errorf("it does not come back: %s", i.Checks[0].Output)
		}
		if came := w.transitions(); len(came) > 6 {
			t.Errorf("%d transitions in all", len(came))
		}
	})
}

// Two nodes reach it and one does not: that is the way, not the instance.
func TestWhatSomeReachIsPartlyReachable(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 30, tcp())
		w.behave(func(node, instance string) probe.Result {
			if first(3, instance) && !w.nodes[node].shares.Mine("payments", instance) {
				return good
			}
			if first(3, instance) {
				return nothing
			}
			return good
		})
		time.Sleep(time.Minute)
		if n := w.count(registry.Healthy); n != 30 {
			t.Errorf("%d are healthy", n)
		}
		state, _ := w.current()
		i, _ := state.Instance("payments", "i000")
		if c := i.Checks[0]; c.Status != registry.Warning || !strings.HasPrefix(c.Output, "partly reachable: ") {
			t.Errorf("it is %s: %s", c.Status, c.Output)
		}
	})
}

// Somebody who reaches nobody may still be believed if nobody else was there; but not if there are others.
func TestANodeThatIsCutOffFromItsPeersDecidesNothing(t *testing.T) {
	play(t, 3, func(t *testing.T, w *world) {
		w.register("payments", 30, tcp())
		w.mu.Lock()
		w.nodes["n3"].deaf = true
		w.mu.Unlock()
		w.behave(func(node, _ string) probe.Result {
			if node == "n3" {
				return nothing
			}
			return good
		})
		time.Sleep(3 * time.Minute)
		if came := w.transitions(); len(came) > 0 {
			t.Errorf("%d transitions: %+v", len(came), came[0].Cause)
		}
	})
}
