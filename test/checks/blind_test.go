package checks

import (
	"testing"
	"time"

	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
)

// A node that no longer reaches any target calls nobody dead, and once it is dead itself the others ask its targets.
func TestANodeThatHasLostItsWayTakesNobodyOutAndItsDeathLeavesNobodyUnasked(t *testing.T) {
	s := setStage(t)
	site := s.NewSite()
	process := startTargets(t, site, ":80")
	all := addresses(site, 30)
	s.register("sound", usual, all...)
	s.awaitHealthy("sound", len(all), 20*time.Second)
	lost := s.Nodes[dice.New(t).IntN(3)]
	t.Logf("%s loses its way, and %s leads", lost.Name, s.Leader().Name)

	s.CutSite(lost, site)
	cut := time.Now()
	time.Sleep(length(t) / 2)
	late := site.Address(len(all)) // somebody has to find it
	s.register("sound", usual, late)
	all = append(all, late)
	time.Sleep(length(t) / 2)
	for _, id := range all {
		if history := s.history("sound", id); len(history) != 2 {
			t.Errorf("%s has the history %+v, and was well all the time", id, history)
		}
	}
	s.awaitHealthy("sound", len(all), time.Second)
	for _, q := range process.since(cut.Add(100 * time.Millisecond)) {
		if q.from == addressOf(lost) {
			t.Fatalf("%s has asked although it has no way", lost.Name)
		}
	}

	s.Heal()
	awaitAsking(t, process, lost)
	time.Sleep(time.Second)
	mine := map[string]bool{}
	for _, q := range process.since(time.Now().Add(-time.Second)) {
		if q.from == addressOf(lost) {
			mine[q.to] = true
		}
	}
	lost.Kill()
	died := time.Now()
	const bound = time.Second + 5*time.Second
	time.Sleep(bound)
	first := map[string]time.Time{}
	for _, q := range process.since(died) {
		if _, asked := first[q.to]; !asked && mine[q.to] && q.from != addressOf(lost) {
			first[q.to] = q.at
		}
	}
	var longest time.Duration
	for _, at := range first {
		longest = max(longest, at.Sub(died))
	}
	if len(mine) == 0 || len(first) != len(mine) {
		t.Errorf("%d of %d targets of a dead node were asked again within %s", len(first), len(mine), bound)
	}
	t.Logf("no transition of %d targets in %s; all %d of the dead node were asked again within %s",
		len(all), died.Sub(cut).Round(time.Second), len(mine), longest.Round(time.Millisecond))
}

// awaitAsking waits until a node asks again.
func awaitAsking(t *testing.T, process *targets, node *testcluster.Process) {
	t.Helper()
	began := time.Now()
	for until := began.Add(15 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		for _, q := range process.since(began) {
			if q.from == addressOf(node) {
				return
			}
		}
	}
	t.Fatalf("%s does not ask", node.Name)
}
