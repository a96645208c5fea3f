package http

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
)

func TestAWatchGoesOnWhereItWas(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1", "p2", "p3")
		s.deregister("payments", "p1")
		for _, how := range [][]string{{"service=payments&index=2"}, {"service=payments", "Last-Event-ID: 2"}, {"service=payments&index=1", "Last-Event-ID: 2"}} {
			w := s.watch(how[0], how[1:]...)
			w.want("delta 4")
			if diff := cmp.Diff(map[string][]string{"payments": {"p3"}}, w.model); diff != "" {
				t.Errorf("%v: %s", how, diff)
			}
			w.leave()
		}
	})
}

func TestAWatchThatMissedNothingIsToldSoAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		s.register("orders", "o1")
		began := time.Now()
		w := s.watch("service=payments&index=1")
		defer w.leave()
		w.want(`bookmark 2 {"index":2,"age":"7ms"}`)
		tookNoTime(t, began, "the bookmark")
	})
}

func TestAPositionBelowTheFloorIsAnsweredWithEverything(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.replaced(9, registry.Instance{Service: "payments", ID: "p1", Status: registry.Healthy, ModifyIndex: 9})
		named := s.watch("service=payments&service=orders&index=3")
		defer named.leave()
		named.want(`snapshot 0 {"index":9,"service":"orders","instances":[]}`, "snapshot 9")
		all := s.watch("all=true&index=3")
		defer all.leave()
		all.want("reset 0", "snapshot 9")
	})
}

// A watch goes on at another node, which is a little behind: it must neither be told of the past again nor begin anew.
func TestAPositionAheadOfTheNodeIsWaitedFor(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		s.node.confirmed = 3
		began := time.Now()
		w := s.watch("service=payments&index=2") // which answers although there is nothing to tell yet
		defer w.leave()
		tookNoTime(t, began, "the beginning")
		time.AfterFunc(20*time.Second, func() { s.register("payments", "p2") })
		w.want("bookmark 2") // which is what the watcher had before
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("it took %s", took)
		}
		s.register("payments", "p3")
		w.want("delta 3")
		if diff := cmp.Diff(map[string][]string{"payments": {"p3"}}, w.model); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAPositionBeyondTheLogBeginsAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		began := time.Now()
		w := s.watch("service=payments&index=999")
		defer w.leave()
		w.want("reset 0", "snapshot 1")
		tookNoTime(t, began, "finding out")
	})
}

func TestWithoutALeaderAPositionAheadIsWaitedForUntilThereIsOne(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		led := time.Now().Add(3 * time.Minute)
		s.node.horizon = func() (uint64, error) {
			if time.Now().Before(led) {
				return 0, fault.ErrNoLeader
			}
			return 1, nil
		}
		w := s.watch("service=payments&index=999")
		defer w.leave()
		w.want("reset 0", "snapshot 1")
		if late := time.Since(led); late < 0 || late > horizonPause {
			t.Errorf("it began anew %s after there was a leader", late)
		}
	})
}

// Raft has entries of its own, which make no state: no watcher was ever at their indexes.
func TestAPositionAtAnEntryOfRaftsOwnBeginsAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.register("payments", "p1")
		s.node.horizon = func() (uint64, error) { return 3, nil }
		began := time.Now()
		w := s.watch("service=payments&index=3")
		defer w.leave()
		w.want("reset 0", "snapshot 1")
		if took := time.Since(began); took > 2*horizonPause {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAStreamThatWaitsForItsPositionEndsWithItsCaller(t *testing.T) {
	inBubble(t, func(t *testing.T, s *served) {
		s.node.mute = fault.ErrNoLeader
		w := s.watch("service=payments&index=999")
		w.leave()
		time.Sleep(time.Millisecond)
		if got := s.get("/metrics").Body.String(); !strings.Contains(got, "muster_watch_streams 0\n") {
			t.Error("it goes on waiting")
		}
	})
}
