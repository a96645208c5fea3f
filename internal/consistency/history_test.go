package consistency

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// story is a history that is told call by call, in fake time.
type story struct {
	*History
	t *testing.T
}

func tell(t *testing.T, of func(s story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { of(story{NewHistory(), t}) })
}

// during makes a call that takes a second.
func (s story) call(client int, c Call, a Answer) {
	began := s.Now()
	time.Sleep(time.Second)
	c.Service, c.ID = "web", "w1"
	s.Answered(client, began, c, a)
	time.Sleep(time.Second)
}

func (s story) want(linearizable bool) {
	s.t.Helper()
	picture := filepath.Join(s.t.TempDir(), "picture.html")
	err := s.Check(0, picture)
	if linearizable && err != nil {
		s.t.Errorf("it is linearizable, but: %v", err)
	}
	if !linearizable && (err == nil || !strings.Contains(err.Error(), picture)) {
		s.t.Errorf("it is not linearizable, but: %v", err)
	}
}

var (
	v1, v2   = Call{Kind: Register, Version: "1"}, Call{Kind: Register, Version: "2"}
	read     = Call{Kind: Read}
	shows1   = Answer{Version: "1", Status: registry.Healthy}
	shows2   = Answer{Version: "2", Status: registry.Healthy}
	nothing  = Answer{Absent: true}
	done     = Answer{}
	sick     = Call{Kind: Report, Status: registry.Unhealthy}
	farewell = Call{Kind: Deregister}
)

func TestCallsOneAfterTheOther(t *testing.T) {
	tell(t, func(s story) {
		s.call(1, read, nothing)
		s.call(1, sick, nothing)
		s.call(1, v1, done)
		s.call(2, read, shows1)
		s.call(2, sick, done)
		s.call(1, v2, done)
		s.call(2, read, Answer{Version: "2", Status: registry.Unhealthy}) // a report outlives a replacement
		s.call(1, farewell, done)
		s.call(1, farewell, nothing)
		s.call(1, v1, done)
		s.call(2, read, shows1) // and no deregistration
		s.want(true)
	})
}

func TestWhatMustNotBeSeen(t *testing.T) {
	for name, of := range map[string]func(s story){
		"a stale read":         func(s story) { s.call(1, v1, done); s.call(1, v2, done); s.call(2, read, shows1) },
		"a lost write":         func(s story) { s.call(1, v1, done); s.call(2, read, nothing) },
		"two deregistrations":  func(s story) { s.call(1, v1, done); s.call(1, farewell, done); s.call(2, farewell, done) },
		"a resurrection":       func(s story) { s.call(1, v1, done); s.call(1, farewell, done); s.call(2, read, shows1) },
		"what was never":       func(s story) { s.call(1, v1, done); s.call(2, read, shows2) },
		"a report of nobody":   func(s story) { s.call(1, v1, done); s.call(2, read, Answer{Version: "1", Status: registry.Unhealthy}) },
		"a report upon nobody": func(s story) { s.call(1, sick, done) },
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, func(s story) {
				of(s)
				s.want(false)
			})
		})
	}
}

func TestAnOpenWriteMayCountLateOrNeverButNotBeforeItBegan(t *testing.T) {
	open := func(s story, c Call) {
		c.Service, c.ID = "web", "w1"
		s.Open(1, s.Now(), c)
	}
	tell(t, func(s story) {
		s.call(1, v1, done)
		open(s, v2)
		s.call(1, read, shows1)
		s.call(1, read, shows2)
		s.want(true)
	})
	tell(t, func(s story) {
		s.call(1, v1, done)
		open(s, farewell)
		s.call(1, read, shows1)
		s.want(true)
	})
	tell(t, func(s story) {
		s.call(1, v1, done)
		s.call(1, read, shows2)
		open(s, v2)
		s.want(false)
	})
}

func TestWhoHasTheSameVersionMustHaveTheSameContent(t *testing.T) {
	s := NewSightings()
	one := map[string]*registry.Instance{"w1": {ID: "w1", ModifyIndex: 3, Status: registry.Healthy}}
	s.Add("a", "web", 3, one)
	s.Add("b", "web", 3, one)
	s.Add("b", "api", 3, nil)
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	s.Add("c", "web", 3, nil)
	if err := s.Check(); err == nil || !strings.Contains(err.Error(), "c has web at 3") {
		t.Errorf("a contradiction is not noticed: %v", err)
	}
	if seen, versions := s.Len(); seen != 4 || versions != 2 {
		t.Errorf("%d seen of %d versions", seen, versions)
	}
}

func TestAReplicaAppliesWholeSetsOnly(t *testing.T) {
	seen := NewSightings()
	r := NewReplica("a", seen)
	event := func(kind wire.EventKind, id uint64, data string) wire.Event {
		e := wire.Event{Event: kind, Data: []byte(data)}
		if id > 0 {
			e.ID = &id
		}
		return e
	}
	for n, step := range []struct {
		event wire.Event
		want  string
	}{
		{event(wire.EventSnapshot, 0, `{"index": 1, "service": "web", "instances": [{"id": "w1", "modify_index": 1}]}`), ""},
		{event(wire.EventSnapshot, 2, `{"index": 2, "service": "api", "instances": []}`), "[w1@1  ]"},
		{event(wire.EventDelta, 0, `{"index": 3, "service": "web", "upserted": [], "removed": ["w1"]}`), "[w1@1  ]"},
		{event(wire.EventBookmark, 4, `{"index": 4}`), ""},
	} {
		if err := r.Take(step.event); err != nil {
			t.Error(err)
		}
		if got := Render(r.Instances("web")); got != step.want {
			t.Errorf("after event %d it has %q", n, got)
		}
	}
	if err := r.Take(event(wire.EventDelta, 5, `{"index": 2, "service": "web", "upserted": [], "removed": []}`)); err == nil {
		t.Error("a service may go back")
	}
	_ = r.Take(event(wire.EventDelta, 0, `{"index": 6, "service": "web", "upserted": [{"id": "w2", "modify_index": 6}], "removed": []}`))
	r.Broken()
	_ = r.Take(event(wire.EventBookmark, 7, `{"index": 7}`))
	if got := Render(r.Instances("web")); got != "" {
		t.Errorf("what was not whole was applied: %s", got)
	}
}
