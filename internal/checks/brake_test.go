package checks

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
)

// Small services, two zones, instances that come and go, elections, entries that get lost, and findings of every kind: in no
// minute has silence taken out more of a zone than it might when it did so; what is kept against silence is in discovery, and
// once all answer nothing is kept any more.
func TestTheBrakeOnSilenceInRandomStories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &brakeStory{T: rt, books: newBooks(t)}
		for _, zone := range []string{"east", "west"} {
			s.register(zone, ids(zone, rapid.IntRange(1, 6).Draw(rt, "instances in "+zone))...)
		}
		steps := map[string]func(){
			"time passes":                 s.pass,
			"an election":                 func() { s.bench = newBench(s.books) },
			"an instance comes":           s.come,
			"an instance goes":            s.leave,
			"somebody hears nothing":      func() { s.hear(registry.Unhealthy, true) },
			"somebody is refused":         func() { s.hear(registry.Unhealthy, false) },
			"somebody gets an answer":     func() { s.hear(registry.Healthy, false) },
			"some reach it, some do not":  func() { s.hear(registry.Warning, false) },
			"many hear nothing":           func() { s.decide(s.silence()...) },
			"what was found gets lost":    func() { s.bench.revoke(s.bench.rule(s.state, s.now, s.silence())) },
			"an entry of unknown outcome": func() { s.bench.rule(s.state, s.now, s.silence()) },
		}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			before := s.state
			steps[rapid.SampledFrom(slices.Sorted(maps.Keys(steps))).Draw(rt, "step")]()
			s.look(before)
		}
		s.allAnswer()
	})
}

// brakeStory is one of these stories.
type brakeStory struct {
	*rapid.T
	*books
	born int
}

func (s *brakeStory) all() (all []*registry.Instance) {
	for i := range s.state.Service("payments").Instances() {
		all = append(all, i)
	}
	return all
}

func (s *brakeStory) pass() {
	s.now = s.now.Add(time.Duration(rapid.IntRange(1, 40_000).Draw(s.T, "milliseconds")) * time.Millisecond)
}

func (s *brakeStory) one() *registry.Instance { return rapid.SampledFrom(s.all()).Draw(s.T, "which") }

func (s *brakeStory) come() {
	past := s.history
	s.register(rapid.SampledFrom([]string{"east", "west"}).Draw(s.T, "zone"), ids("new", s.born+1)[s.born])
	s.history = past
	s.born++
}

func (s *brakeStory) leave() {
	if len(s.all()) > 1 {
		s.apply(registry.Deregister{Service: "payments", ID: s.one().ID})
	}
}

func (s *brakeStory) hear(status registry.Status, silent bool) {
	f := s.finding(s.one().ID, status, silent)
	f.Well = time.Hour
	s.decide(f)
}

// silence is that of everybody.
func (s *brakeStory) silence() (findings []Finding) {
	for _, i := range s.all() {
		findings = append(findings, s.finding(i.ID, registry.Unhealthy, true))
	}
	return findings
}

// look looks at what a step has done.
func (s *brakeStory) look(before *registry.State) {
	for _, i := range s.all() {
		was, err := before.Instance("payments", i.ID)
		silenced := err == nil && was.Status == registry.Healthy && i.Status == registry.Unhealthy &&
			s.history["payments/"+i.ID][0].Cause.Rule == registry.RuleCheckSilent
		if silenced {
			s.count(i.Zone)
		}
		if i.Preserved() && i.Status == registry.Unhealthy {
			s.Fatalf("%s is kept and not in discovery", i.ID)
		}
	}
}

// count counts those that silence has taken out of a zone in the last minute. One that comes back and falls silent again
// counts once, and is none more that is missing.
func (s *brakeStory) count(zone string) {
	missing := map[string]bool{}
	for _, i := range s.all() {
		for _, t := range s.history["payments/"+i.ID] {
			if i.Zone == zone && silenced(t) && s.now.Sub(time.Unix(0, t.Time)) < silenceWindow {
				missing[i.ID] = true
			}
		}
	}
	if may := max(1, registeredIn(s.state.Service("payments"), zone)/5); len(missing) > may {
		s.Fatalf("silence took %d of %s out within a minute, and might %d", len(missing), zone, may)
	}
}

// allAnswer has everybody answer: nothing is out or kept after that.
func (s *brakeStory) allAnswer() {
	for _, i := range s.all() {
		f := s.finding(i.ID, registry.Healthy, false)
		f.Well = time.Hour
		s.decide(f)
	}
	service := s.state.Service("payments")
	if service.Preserved() != 0 || service.Healthy() != len(s.all()) {
		s.Fatalf("all answer, and %d of %d are healthy, %d are kept", service.Healthy(), len(s.all()), service.Preserved())
	}
}
