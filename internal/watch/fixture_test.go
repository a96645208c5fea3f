package watch_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/registry"
)

// apply applies operations to a state, each at an index of its own.
func apply(t testing.TB, s *registry.State, operations ...registry.Operation) *registry.State {
	t.Helper()
	edit := s.Edit()
	for n, op := range operations {
		if _, err := edit.Apply(s.Index()+uint64(n)+1, op); err != nil {
			t.Fatal(err)
		}
	}
	return edit.Commit()
}

func register(service, id string, tags ...string) registry.Operation {
	i := registry.Instance{Service: service, ID: id, Address: "10.0.0.7", Port: 80, Tags: tags}
	return registry.Register{Instance: i.Normalize()}
}

func deregister(service, id string) registry.Operation {
	return registry.Deregister{Service: service, ID: id}
}

func report(service, id string, status registry.Status, output string) registry.Operation {
	return registry.ReportHealth{Service: service, ID: id, Report: registry.Report{Status: status, Output: output}}
}

// reloaded is the state as a node has it that was restarted: with the past forgotten.
func reloaded(s *registry.State) *registry.State {
	edit := registry.NewState().Edit()
	for service := range s.Services() {
		for i := range service.Instances() {
			edit.Put(i)
		}
		edit.SetServiceIndex(service.Name(), service.Index())
	}
	edit.StartAt(s.Index())
	return edit.Commit()
}

func of(services ...string) watch.Selection { return watch.Selection{Services: services} }

func tagged(s watch.Selection, tags ...string) watch.Selection {
	s.Query.Tags = tags
	return s
}

func filtered(t *testing.T, s watch.Selection, expression string) watch.Selection {
	t.Helper()
	filter, err := registry.CompileFilter(expression)
	if err != nil {
		t.Fatal(err)
	}
	s.Query.Filter = filter
	return s
}

var everything = watch.Selection{All: true}

// told is what advancing tells: a line for each event, with the ids and indexes of its instances in the place of them.
func told(t *testing.T, c *watch.Cursor, s *registry.State) []string {
	t.Helper()
	var lines []string
	for e := range c.Advance(s, 0) {
		lines = append(lines, line(t, e))
	}
	return lines
}

func wantTold(t *testing.T, c *watch.Cursor, s *registry.State, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, told(t, c, s)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if c.Position() != s.Index() {
		t.Errorf("the position is %d, want %d", c.Position(), s.Index())
	}
}

func line(t *testing.T, e watch.Event) string {
	t.Helper()
	body := decode(t, e)
	var text strings.Builder
	text.WriteString(fmt.Sprintf("%s %v", e.Kind, body.Index))
	if body.Service != "" {
		text.WriteString(" " + body.Service)
	}
	for _, i := range slices.Concat(body.Instances, body.Upserted) {
		text.WriteString(fmt.Sprintf(" %s=%d", i.ID, i.ModifyIndex))
	}
	for _, id := range body.Removed {
		text.WriteString(" -" + id)
	}
	if e.Last {
		text.WriteString(fmt.Sprintf(" id:%d", e.ID))
	}
	return text.String()
}
