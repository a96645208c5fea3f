package chaos

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/consistency"
	"github.com/musterhq/muster/internal/dice"
	"github.com/musterhq/muster/internal/testcluster"
)

// frequentSnapshots has Raft's snapshots and installations of them take part, which else come once in many thousand entries.
var frequentSnapshots = []string{"--snapshot-threshold", "200", "--trailing-logs", "50"}

// 20 writers and 20 readers quarrel over a few instances, and 50 watchers look on, while one thing after another goes wrong.
// After each round all that they saw must be linearizable, hold together by its indexes, and be what the nodes hold.
func TestWhateverHappensClientsSeeOneRegistry(t *testing.T) {
	if !testcluster.InNamespace() {
		t.Skip("NOT RUN: this machine gives tests no network of their own")
	}
	length := time.Duration(dice.Number(t, "MUSTER_CHAOS_SECONDS", 40)) * time.Second
	s := setStage(t)
	var nodes []string
	for _, p := range s.Nodes {
		nodes = append(nodes, p.HTTP)
	}
	nodes = append(nodes, s.guest.HTTP)
	p := &play{stage: s, nodes: nodes, seen: consistency.NewSightings(), done: map[string]int{}, reign: watchReign(t, nodes)}
	watchers, events, resumed := startWatchers(t, 50, nodes, p.seen)
	s.watchers = watchers
	began := time.Now()
	defer func() { // also where it fails: an hour that ends badly has its figures too
		writes, silent := p.progress.sum()
		elections, leaderless := p.reign.sum()
		seen, versions := p.seen.Len()
		t.Logf("%d rounds in %s: %d calls, %d of them left open; %d writes acknowledged, the longest time without one %s; "+
			"%d elections, the longest time without a leader %s; "+
			"%d watchers took %d events and went on elsewhere %d times; %d contents of %d versions compared; %s",
			p.rounds, time.Since(began).Round(time.Second), p.calls, p.open, writes, silent.Round(time.Millisecond),
			elections, leaderless.Round(time.Millisecond),
			len(watchers), events.Load(), resumed.Load(), seen, versions, p.mischief())
	}()
	for round := 1; time.Since(began) < length; round++ {
		p.round(t, round)
		p.requireAgreement(watchers)
	}
}

// play is what has come of all rounds.
type play struct {
	*stage
	nodes    []string
	seen     *consistency.Sightings
	progress progress
	reign    *reign
	services []string // of the last round

	rounds, calls, open int
	done                map[string]int // of each kind of mischief, how often
}

// round has clients do their work on services that nobody used before, while three things go wrong.
func (p *play) round(t *testing.T, number int) {
	p.services = []string{fmt.Sprintf("r%d-a", number), fmt.Sprintf("r%d-b", number)}
	c := &clients{nodes: p.nodes, services: p.services, seen: p.seen, progress: &p.progress}
	p.progress.resume()
	startClients(t, c, 20, 20)
	for range 3 {
		time.Sleep(p.between(200*time.Millisecond, 2*time.Second))
		m := p.draw()
		t.Logf("round %d: %s", number, m.name)
		undo := m.do(p.stage)
		p.done[m.name]++
		time.Sleep(p.between(200*time.Millisecond, 6*time.Second))
		undo()
		p.awaitWell()
	}
	c.end()
	reader := c.shuffled()
	defer reader.Close()
	for _, service := range p.services {
		if err := c.readOnce(t.Context(), reader, 1000, service); err != nil {
			t.Errorf("nothing is wrong any more, and %s can't be read: %v", service, err)
		}
	}
	if err := c.history.Check(2*time.Minute, filepath.Join(t.ArtifactDir(), fmt.Sprintf("round-%d.html", number))); err != nil {
		t.Fatalf("round %d: %v", number, err)
	}
	if err := p.seen.Check(); err != nil {
		t.Fatalf("round %d: %v", number, err)
	}
	all, open := c.history.Len()
	p.rounds, p.calls, p.open = p.rounds+1, p.calls+all, p.open+open
}

// requireAgreement waits until all nodes and all watchers have the same, while nobody writes.
func (p *play) requireAgreement(watchers []*watcher) {
	p.t.Helper()
	testcluster.RequireSameState(p.t, p.Processes)
	want := map[string]string{}
	for _, service := range p.services {
		want[service] = contentOf(p.t, p.nodes, service)
	}
	until := time.Now().Add(30 * time.Second)
	for n, w := range watchers {
		for service, content := range want {
			for w.has(service) != content {
				if time.Now().After(until) {
					p.t.Fatalf("watcher %d has %s of %s, the nodes have %s", n, w.has(service), service, content)
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
}

func (p *play) mischief() string {
	var kinds []string
	for _, name := range slices.Sorted(maps.Keys(p.done)) {
		kinds = append(kinds, fmt.Sprintf("%s %d×", name, p.done[name]))
	}
	return strings.Join(kinds, ", ")
}
