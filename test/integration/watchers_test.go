package integration

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/testcluster"
)

// Three nodes, hundreds who watch and some who asked for megabytes that they don't read. Whatever is written, on whatever
// node, all who read end up knowing exactly what is there.
func TestEverybodyWhoWatchesIsToldOfEveryChange(t *testing.T) {
	t.Parallel()
	c := testcluster.StartNodes(t, 3, nil)
	bulk(t, c.URL(0))
	a := assemble(t, c, 300, "payments", true)
	a.addStuck(c, 20, "service=payments&service=bulk")
	for n := range 60 {
		id := fmt.Sprintf("p%02d", n)
		index := register(t, c.URL(n%3), "payments", id)
		if n%3 == 0 {
			index = deregister(t, c.URL((n+1)%3), "payments", id)
		}
		if n%10 == 9 {
			a.requireAll(number(t, index), discover(t, c.URL(0), "payments", index))
		}
	}
	a.requireStuck(c)
}

// requireAll checks that everybody, once told of the index, knows of these instances.
func (a *audience) requireAll(index uint64, want []string) {
	a.t.Helper()
	a.told(index)
	for i, l := range a.watchers {
		l.mu.Lock()
		got := slices.Sorted(maps.Keys(l.ids))
		l.mu.Unlock()
		if diff := cmp.Diff(want, got); diff != "" {
			a.t.Fatalf("watcher %d at %d (-there +known):\n%s", i, index, diff)
		}
	}
}

func deregister(t testing.TB, node, service, id string) string {
	t.Helper()
	answer, err := testcluster.Do(t.Context(), "DELETE", instanceURL(node, service, id), "")
	if err != nil || answer.Status != 200 {
		t.Fatalf("deregister %s at %s: %v, %d %s", id, node, err, answer.Status, answer.Body)
	}
	return answer.Index()
}

// How long after a write's answer do the first, the middle and the last of 5,000 who watch know of it, on three nodes, while
// 100 others don't read? All of them, and the nodes, share this process.
func BenchmarkWatchers(b *testing.B) {
	c := testcluster.StartNodes(b, 3, nil)
	bulk(b, c.URL(0))
	register(b, c.URL(0), "payments", "p0")
	a := assemble(b, c, 5_000, "payments", false)
	a.addStuck(c, 100, "service=payments&service=bulk")
	a.told(number(b, register(b, c.URL(0), "payments", "p1")))
	var half, last []time.Duration
	for n := 0; b.Loop(); n++ {
		time.Sleep(300 * time.Millisecond) // idle
		index := number(b, register(b, c.URL(n%3), "payments", fmt.Sprintf("p%d", 2+n%20000)))
		answered := time.Now()
		times := a.told(index)
		slices.SortFunc(times, time.Time.Compare)
		half = append(half, times[len(times)/2].Sub(answered))
		last = append(last, times[len(times)-1].Sub(answered))
	}
	a.requireStuck(c)
	slices.Sort(half)
	slices.Sort(last)
	milliseconds := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(milliseconds(half[len(half)/2]), "p50-middle-ms")
	b.ReportMetric(milliseconds(last[len(last)/2]), "p50-last-ms")
	b.ReportMetric(milliseconds(last[len(last)-1]), "max-last-ms")
	b.ReportMetric(0, "ns/op") // the pause would be most of it
}
