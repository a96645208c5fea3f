package watch_test

import (
	"fmt"
	"testing"

	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/registry"
)

// fleet is a state with services of 100 instances each.
func fleet(b *testing.B, services int) *registry.State {
	b.Helper()
	s := registry.NewState()
	for n := range services {
		var operations []registry.Operation
		for i := range 100 {
			operations = append(operations, register(fmt.Sprint("service-", n), fmt.Sprint("10.0.0.", i, ":8080"), "v2"))
		}
		s = apply(b, s, operations...)
	}
	return s
}

// BenchmarkAdvance tells watchers of one change: what it costs for one of many, who share what is written.
func BenchmarkAdvance(b *testing.B) {
	for _, c := range []struct {
		name      string
		selection watch.Selection
	}{
		{"one service", of("service-7")},
		{"one service by tag", tagged(of("service-7"), "v2")},
		{"all of 1000 services", everything},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := fleet(b, 1_000)
			next := apply(b, s, report("service-7", "10.0.0.1:8080", registry.Unhealthy, ""))
			b.ReportAllocs()
			for b.Loop() {
				cursor := watch.Resume(c.selection, s.Index())
				for e := range cursor.Advance(next, 0) {
					if !e.Last {
						b.Fatal("more than one event")
					}
				}
			}
		})
	}
}

// BenchmarkAdvanceOverAChange applies a change and tells 1,000 watchers of the service, of which the first pays for all.
func BenchmarkAdvanceOverAChange(b *testing.B) {
	s := fleet(b, 1_000)
	cursors := make([]*watch.Cursor, 1_000)
	for n := range cursors {
		cursors[n] = watch.Resume(of("service-7"), s.Index())
		for range cursors[n].Advance(s, 0) {
		}
	}
	status := []registry.Status{registry.Unhealthy, registry.Healthy}
	b.ReportAllocs()
	n, told := 0, 0
	for b.Loop() {
		s = apply(b, s, report("service-7", "10.0.0.1:8080", status[n%2], ""))
		n++
		for _, c := range cursors {
			for range c.Advance(s, 0) {
				told++
			}
		}
	}
	if told != n*len(cursors) {
		b.Errorf("%d events for %d changes", told, n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(told), "ns/watcher")
}

// BenchmarkFirstSet tells a watcher of everything, of which all is written already.
func BenchmarkFirstSet(b *testing.B) {
	s := fleet(b, 1_000)
	for range watch.New(everything).Advance(s, 0) { // writes it
	}
	b.ReportAllocs()
	for b.Loop() {
		events := 0
		for range watch.New(everything).Advance(s, 0) {
			events++
		}
		if events != 1_001 {
			b.Fatal(events)
		}
	}
}
