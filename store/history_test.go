package store

import (
	"fmt"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

func transition(n uint64) *record.Transition {
	return &record.Transition{Service: "orders", ID: fmt.Sprint("i", n), Index: n, Time: int64(n), To: registry.ConditionHealthy}
}

// passing is the history after some transitions, of which some are forgotten again, from wherever.
func passing(t *rapid.T, h History) History {
	for range rapid.IntRange(0, 600).Draw(t, "transitions") {
		h = h.Add(transition(h.Next()), record.Cause{Rule: registry.RuleRegistered, Term: h.Next() / 10})
	}
	for range rapid.IntRange(0, 50).Draw(t, "forgotten") {
		for number := range h.Since(h.First() + uint64(rapid.IntRange(0, 700).Draw(t, "number"))) {
			h = h.Forget(number)
			break
		}
	}
	return h
}

func transitionsOf(h History) (lines []string) {
	for n, t := range h.Since(0) {
		lines = append(lines, fmt.Sprintf("%d %+v %+v", n, [2]any{t.Service, t.ID}, *t.Cause))
	}
	return lines
}

func TestTheHashOfAHistoryIsThatOfWhatIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := passing(t, passing(t, History{}))
		var want record.Hash
		for number, tr := range h.Since(0) {
			want.Join(transitionHash(number, tr))
		}
		if h.Hash() != want {
			t.Fatal("it is another")
		}
	})
}

func TestTransitionsWithOneCauseShareIt(t *testing.T) {
	cause := func(node string) record.Cause {
		return record.Cause{Rule: registry.RuleLeaseExpired, Term: 3, Cause: registry.Cause{Evidence: "no heartbeat", SeenBy: []string{node}}}
	}
	h := History{}.Add(transition(0), cause("n1")).Add(transition(1), cause("n1")).Add(transition(2), cause("n2"))
	if h.At(0).Cause != h.At(1).Cause || h.At(1).Cause == h.At(2).Cause {
		t.Errorf("%p, %p, %p", h.At(0).Cause, h.At(1).Cause, h.At(2).Cause)
	}
}

// BenchmarkMemoryOfHistory says how many bytes a transition takes without what finds it, when all have one cause and when each
// has its own.
func BenchmarkMemoryOfHistory(b *testing.B) {
	for name, causes := range map[string]uint64{"one cause": 1, "a cause each": MaxTransitions} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				var h History
				for n := range uint64(MaxTransitions) {
					h = h.Add(transition(n), record.Cause{Rule: registry.RuleReported, Cause: registry.Cause{Evidence: fmt.Sprint("cause ", n%causes)}})
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/MaxTransitions, "B/transition")
				runtime.KeepAlive(h)
			}
		})
	}
}
