package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
)

// tell writes differences down: each id with the indexes of what it was, the newest first, and of what it is.
func tell(differences []registry.Difference) string {
	var all []string
	for _, d := range differences {
		var s strings.Builder
		s.WriteString(d.ID)
		for _, was := range d.Was {
			fmt.Fprintf(&s, " <%d", was.ModifyIndex)
		}
		if d.New != nil {
			fmt.Fprintf(&s, " =%d", d.New.ModifyIndex)
		}
		all = append(all, s.String())
	}
	return strings.Join(all, ", ")
}

func wantSince(t *testing.T, s *registry.Service, position uint64, want string) {
	t.Helper()
	got, complete := s.Since(position)
	if want == "unknown" {
		if complete || got != nil {
			t.Errorf("since %d: got %q (complete: %t), want that it is not known", position, tell(got), complete)
		}
	} else if tell(got) != want || !complete {
		t.Errorf("since %d: got %q (complete: %t), want %q", position, tell(got), complete, want)
	}
}

func TestAServiceKnowsWhatBecameOfItsInstances(t *testing.T) {
	s := applyAll(t,
		register(named("a", "1")), // 1
		register(named("a", "2")), // 2
		registry.SetMaintenance{Service: "a", ID: "1", Maintenance: registry.Maintenance{Enabled: true}},               // 3
		registry.ReportHealth{Service: "a", ID: "2", Report: registry.Report{Status: registry.Unhealthy}},              // 4
		registry.ReportHealth{Service: "a", ID: "2", Report: registry.Report{Status: registry.Unhealthy, Output: "x"}}, // 5: an output
		registry.Deregister{Service: "a", ID: "1"},                                                                     // 6
		register(named("a", "1")),                  // 7
		registry.Deregister{Service: "a", ID: "2"}, // 8
		register(named("b", "1")),                  // 9
	)
	a := s.Service("a")
	wantSince(t, a, 0, "1 <3 <1 =7, 2 <4 <2")
	wantSince(t, a, 1, "1 <3 <1 =7, 2 <4 <2")
	wantSince(t, a, 2, "1 <3 <1 =7, 2 <4 <2")
	wantSince(t, a, 3, "1 <3 =7, 2 <4 <2")
	wantSince(t, a, 5, "1 <3 =7, 2 <4")
	wantSince(t, a, 6, "1 =7, 2 <4")
	wantSince(t, a, 7, "2 <4")
	wantSince(t, a, 8, "")
	wantSince(t, a, 100, "")
	for position, want := range map[uint64]uint64{0: 0, 1: 1, 5: 4, 6: 6, 7: 7, 100: 8} {
		if got, known := a.LastChange(position); got != want || !known {
			t.Errorf("the last change up to %d was at %d (%t), want %d", position, got, known, want)
		}
	}
}

func TestAServiceThatDepartedIsRemembered(t *testing.T) {
	s := applyAll(t,
		register(named("a", "1")),
		register(named("a", "2")),
		registry.Deregister{Service: "a", ID: "1"},
		registry.Deregister{Service: "a", ID: "2"},
	)
	gone := s.Departed("a")
	if s.Service("a") != nil || gone == nil || gone.Len() != 0 || gone.Index() != 4 || gone.Healthy() != 0 || s.Floor() != 0 {
		t.Fatalf("got %+v", gone)
	}
	wantSince(t, gone, 1, "1 <1, 2 <2")

	s, _ = apply(t, s, register(named("a", "2")))
	if s.Departed("a") != nil {
		t.Error("it is there and has departed")
	}
	wantSince(t, s.Service("a"), 1, "1 <1, 2 <2 =5")
	if s.Departed("never there") != nil {
		t.Error("what was never there has departed")
	}
}

func TestALoadedStateClaimsToKnowNoMoreThanItDoes(t *testing.T) {
	edit := registry.NewState().Edit()
	for _, i := range []registry.Instance{named("a", "1"), named("b", "1")} {
		i.ModifyIndex = map[string]uint64{"a": 10, "b": 20}[i.Service]
		edit.Put(&i)
	}
	edit.SetServiceIndex("a", 12)
	edit.StartAt(30)
	s := edit.Commit()
	if s.Index() != 30 || s.Floor() != 30 {
		t.Errorf("at %d with the floor %d", s.Index(), s.Floor())
	}
	wantSince(t, s.Service("a"), 11, "unknown")
	wantSince(t, s.Service("a"), 12, "")
	wantSince(t, s.Service("b"), 15, "unknown")

	edit = s.Edit()
	for index, op := range map[uint64]registry.Operation{31: register(named("c", "1")), 33: registry.Deregister{Service: "b", ID: "1"}} {
		if _, err := edit.Apply(index, op); err != nil {
			t.Fatal(err)
		}
	}
	s = edit.Commit()
	wantSince(t, s.Service("a"), 11, "unknown")
	wantSince(t, s.Departed("b"), 19, "unknown")
	wantSince(t, s.Departed("b"), 20, "1 <20")
	wantSince(t, s.Service("c"), 29, "unknown")
	wantSince(t, s.Service("c"), 30, "1 =31")
	if _, known := s.Service("a").LastChange(11); known {
		t.Error("the last change before what is known is known")
	}
}

func TestOnlySoManyDepartedServicesAreRemembered(t *testing.T) {
	s := registry.NewState()
	const services = 5_000
	for n := range uint64(services) {
		name := fmt.Sprint("s", n)
		edit := s.Edit()
		for index, op := range []registry.Operation{register(named(name, "1")), registry.Deregister{Service: name, ID: "1"}} {
			if _, err := edit.Apply(2*n+uint64(index)+1, op); err != nil {
				t.Fatal(err)
			}
		}
		s = edit.Commit()
	}
	floor := s.Floor()
	remembered := 0
	for n := range uint64(services) {
		gone := s.Departed(fmt.Sprint("s", n))
		if there, want := gone != nil, 2*n+2 > floor; there != want {
			t.Fatalf("service %d went at %d, with the floor %d: remembered %t", n, 2*n+2, floor, there)
		}
		if gone != nil {
			remembered++
		}
	}
	if remembered > 4_096 || remembered < 2_000 || len(s.ChangedSince(floor)) != remembered {
		t.Errorf("%d services are remembered, of which %d have changed", remembered, len(s.ChangedSince(floor)))
	}
	s, _ = apply(t, s, register(named("s0", "1")))
	wantSince(t, s.Service("s0"), floor-1, "unknown")
	wantSince(t, s.Service("s0"), floor, "1 =10001")
}

// event is one real change, as the log has it.
type event struct {
	index       uint64
	service, id string
	was         *registry.Instance
}

// TestTheHistoryAgreesWithTheLog lets random operations loose on a State that is loaded anew now and then, and asks every
// State for what has changed since every index, which it must answer as the log does or not at all.
func TestTheHistoryAgreesWithTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := registry.NewState()
		var log []event
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			if rapid.IntRange(0, 30).Draw(t, "reload") == 0 {
				state = load(state)
			}
			edit := state.Edit()
			index, done := state.Index(), 0
			for range rapid.IntRange(1, 3).Draw(t, "entries") {
				index += rapid.Uint64Range(1, 3).Draw(t, "ahead")
				_, _ = edit.Apply(index, rapid.SliceOfN(anOperation(), 1, 4).Draw(t, "operations")...)
				for c := range edit.ChangesFrom(done) {
					done++
					if c.Real() {
						log = append(log, event{index, c.Instance().Service, c.Instance().ID, c.Old})
					}
				}
			}
			edit.SetIndex(index)
			state = edit.Commit()
			checkHistory(t, state, log, rapid.Uint64Range(0, index+1).Draw(t, "position"))
		}
		for position := range state.Index() + 1 {
			checkHistory(t, state, log, position)
		}
	})
}

func checkHistory(t *rapid.T, s *registry.State, log []event, position uint64) {
	changed := map[string]map[string]*registry.Difference{}
	last := map[string]uint64{}
	after := map[string]int{}
	for _, e := range slices.Backward(log) {
		if e.index <= position {
			last[e.service] = max(last[e.service], e.index)
			continue
		}
		after[e.service]++
		if changed[e.service] == nil {
			changed[e.service] = map[string]*registry.Difference{}
		}
		d := changed[e.service][e.id]
		if d == nil {
			d = &registry.Difference{ID: e.id}
			d.New, _ = s.Instance(e.service, e.id)
			changed[e.service][e.id] = d
		}
		if e.was != nil {
			d.Was = append(d.Was, e.was)
		}
	}
	var names []string
	for _, name := range []string{"a", "ab", "b"} {
		if changed[name] != nil {
			names = append(names, name)
		}
		service := s.Service(name)
		if service == nil {
			service = s.Departed(name)
		}
		if service == nil {
			if changed[name] != nil && position >= s.Floor() {
				t.Fatalf("service %q has changed after %d, and nothing is known of it", name, position)
			}
			continue
		}
		got, complete := service.Since(position)
		from, known := service.LastChange(position)
		switch {
		case known != complete:
			t.Fatalf("service %q since %d: complete %t, and the last change before known %t", name, position, complete, known)
		case !complete && position >= s.Floor() && after[name] <= 32:
			t.Fatalf("service %q since %d, %d changes, with the floor %d: forgotten", name, position, after[name], s.Floor())
		case !complete:
			continue
		}
		var want []registry.Difference
		for _, id := range []string{"1", "10", "2", "a/b"} {
			if d := changed[name][id]; d != nil {
				want = append(want, *d)
			}
		}
		if tell(got) != tell(want) {
			t.Fatalf("service %q since %d: got %q, want %q", name, position, tell(got), tell(want))
		}
		if from > position || from < last[name] {
			t.Fatalf("service %q changed last at %d and says %d, for the position %d", name, last[name], from, position)
		}
	}
	var got []string
	for _, service := range s.ChangedSince(position) {
		got = append(got, service.Name())
	}
	if position >= s.Floor() && !slices.Equal(got, names) {
		t.Fatalf("since %d, with the floor %d, %q have changed, want %q", position, s.Floor(), got, names)
	}
}
