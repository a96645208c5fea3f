package registry_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/musterhq/muster/registry"
)

// BenchmarkMemoryOfTheHistory fills a State with 100,000 instances, changes each until the history can't grow any more, and
// says what that costs beyond what a loaded State without a past takes.
func BenchmarkMemoryOfTheHistory(b *testing.B) {
	const instances = 100_000
	for _, services := range []int{1, 1_000, 100_000} {
		b.Run(fmt.Sprintf("of %d services", services), func(b *testing.B) {
			for b.Loop() {
				s, index := registry.NewState(), uint64(0)
				for round := range 3 + 2*services/instances {
					s, index = replaceAll(b, s, index, instances, services, round)
				}
				with := heap(s)
				s = load(s)
				without := heap(s)
				b.ReportMetric(float64(with-without)/(1<<20), "MB-history")
				b.ReportMetric(float64(without)/(1<<20), "MB-state")
			}
		})
	}
}

// replaceAll registers every instance again with another document, a service after the other.
func replaceAll(b *testing.B, s *registry.State, index uint64, instances, services, round int) (*registry.State, uint64) {
	b.Helper()
	edit := s.Edit()
	for n := range instances {
		i := registered(n)
		i.Service, i.ID, i.Port = fmt.Sprint("s", n%services), fmt.Sprint(n), 1+round
		index++
		if _, err := edit.Apply(index, registry.Register{Instance: i}); err != nil {
			b.Fatal(err)
		}
	}
	return edit.Commit(), index
}

func heap(keep *registry.State) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	runtime.KeepAlive(keep)
	return m.HeapAlloc
}

// BenchmarkSince asks a service of 10,000 instances what has changed.
func BenchmarkSince(b *testing.B) {
	s := sized(b, 10_000)
	edit := s.Edit()
	for n := range 1_000 {
		i := registered(n)
		i.Port++
		if _, err := edit.Apply(s.Index()+uint64(n)+1, registry.Register{Instance: i}); err != nil {
			b.Fatal(err)
		}
	}
	service := edit.Commit().Service("payments")
	for _, changes := range []uint64{1, 1_000} {
		b.Run(fmt.Sprintf("%d changes", changes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d, complete := service.Since(service.Index() - changes); !complete || len(d) != int(changes) {
					b.Fatal(len(d), complete)
				}
			}
		})
	}
}
