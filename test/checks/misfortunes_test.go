package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

// Three misfortunes at once, each of a service of its own.
func TestWhatTheDeadTheSilentAndTheRestlessLookLike(t *testing.T) {
	s := setStage(t)
	near, far := s.NewSite(), s.NewSite()
	var processes []*targets
	mortal := addresses(near, 10)
	for _, address := range mortal {
		processes = append(processes, startTargets(t, near, address+":80"))
	}
	startTargets(t, far, ":80")
	restless := near.Address(100)
	startTargets(t, near, restless+":80")
	steady := []string{mortal[6], mortal[7], mortal[8], mortal[9]} // those that are not killed
	silent := append(addresses(far, 6), steady...)

	toggling := watch(t, s.Nodes[2], "restless")
	s.register("mortal", usual, mortal...)
	s.register("silent", usual, silent...)
	s.register("restless", `{"type": "http", "path": "/toggle", "interval": "1s", "timeout": "500ms", "fall": 1}`, restless)
	s.awaitHealthy("mortal", 10, 20*time.Second)
	s.awaitHealthy("silent", 10, 20*time.Second)
	began := time.Now()

	const bound = 2*time.Second + 3*time.Second // fall times the interval
	for _, process := range processes[:6] {
		process.kill()
	}
	t.Logf("6 of 10 were killed, and shown as unhealthy by all nodes after %s (at most %s)",
		s.awaitHealthy("mortal", 4, bound).Round(time.Millisecond), bound)

	spectator := watch(t, s.Nodes[1], "silent")
	s.loseAndFind(spectator, func() {
		for _, p := range s.Nodes {
			s.CutSite(p, far)
		}
	})

	if left := length(t) - time.Since(began); left > 0 {
		time.Sleep(left)
	}
	changes := toggling.changesOf(restless)
	last := s.discover(s.Nodes[0], "restless").Instances[0]
	if changes > 6 || last.Status != registry.Unhealthy || !strings.HasPrefix(last.Checks[0].Output, "damped: ") {
		t.Errorf("what toggles every second changed %d times in %s, and is %s: %s",
			changes, time.Since(began), last.Status, last.Checks[0].Output)
	}
	t.Logf("what toggles every second changed %d times in %s; %d transitions in its history",
		changes, time.Since(began).Round(time.Second), len(s.history("restless", restless)))
}

// loseAndFind has 6 of 10 instances fall silent for a while, and come back.
func (s *stage) loseAndFind(spectator *spectator, cut func()) {
	t := s.t.(*testing.T)
	t.Helper()
	cut()
	lost := time.Now()
	var shown time.Duration
	for time.Since(lost) < length(t) {
		time.Sleep(100 * time.Millisecond)
		if shown == 0 && spectator.reason() != "" && s.discover(s.Nodes[0], "silent").Preserved != nil {
			shown = time.Since(lost)
			t.Logf("preserved is shown after %s: %s", shown.Round(time.Millisecond), spectator.reason())
		}
	}
	if shown == 0 {
		t.Errorf("6 of 10 were silent for %s, and preserved was not shown by discover and watch", length(t))
	}
	if most := spectator.mostWithin(time.Minute - time.Second); most != 2 { // it is told a moment later than it is decided
		t.Errorf("silence took out %d of 10 within a minute, not a fifth", most)
	}
	t.Logf("after %s of silence %d of 10 are healthy", length(t), count(s.discover(s.Nodes[0], "silent"), registry.Healthy))
	s.Heal()
	healed := time.Now()
	s.awaitHealthy("silent", 10, time.Minute)
	for spectator.reason() != "" || s.discover(s.Nodes[0], "silent").Preserved != nil {
		if time.Since(healed) > time.Minute {
			t.Fatalf("a minute after healing preserved is shown still: %s", spectator.reason())
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("all was well, and preserved gone, %s after healing (at most 1m)", time.Since(healed).Round(time.Millisecond))
}
