package fsm

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// BenchmarkExpiringAtOnce applies the end of 100,000 leases, as a leader proposes it when all of them run out together: in
// entries of one write with 512 operations, each shown by itself. The history is full when it begins.
func BenchmarkExpiringAtOnce(b *testing.B) {
	const leases, together = 100_000, 512
	for _, size := range []int{10, 1000, leases} {
		b.Run(fmt.Sprint("in services of ", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				m, entries := leased(b, leases, size, together)
				runtime.GC()
				b.StartTimer()
				for _, entry := range entries {
					m.Apply(entry)
				}
			}
		})
	}
}

// BenchmarkApplyingATransition is the cost of one report that makes its instance look otherwise, in an entry of its own, and
// of one that only has other words and is not kept.
func BenchmarkApplyingATransition(b *testing.B) {
	m, _ := leased(b, store.MaxTransitions, 1000, 512)
	mustApply(b, m, entryOf(1_000, writeOf(registerOp("orders", "i1", "1"))))
	index := uint64(1_000)
	run := func(name string, report func() Write) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				index++
				m.Apply(entryOf(index, report())) // encoding the entry costs the same in both
			}
		})
	}
	run("seen", func() Write { return flip("i1", index) })
	run("not seen", func() Write { return writeOf(reportOp("i1", "", registry.Healthy, fmt.Sprint(index))) })
}

// BenchmarkMemoryOfTransitions says how many bytes a transition takes, with what finds it and what it holds, when the history
// is full: of as many instances, of which each has a lease that ran out, or of a thousand.
func BenchmarkMemoryOfTransitions(b *testing.B) {
	b.Run("of as many instances", func(b *testing.B) {
		for b.Loop() {
			m, entries := leased(b, store.MaxTransitions, 1000, 512)
			for _, entry := range entries {
				m.Apply(entry)
			}
			reportHistorySize(b, m)
		}
	})
	b.Run("of a thousand instances", func(b *testing.B) {
		for b.Loop() {
			m := newMachine()
			for index := range uint64(store.MaxTransitions) {
				id := fmt.Sprint("10.0.0.1:", index%1000)
				if index < 1000 {
					m.Apply(entryOf(index+1, writeOf(registerOp("orders", id, "1"))))
					continue
				}
				status := []registry.Status{registry.Unhealthy, registry.Healthy}[index/1000%2]
				m.Apply(entryOf(index+1, writeOf(reportOp(id, "", status, "connection refused"))))
			}
			reportHistorySize(b, m)
		}
	})
}

// reportHistorySize weighs the history of a machine by taking it away.
func reportHistorySize(b *testing.B, m *Machine) {
	b.Helper()
	var with, without runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&with)
	p := *m.position.Load()
	n := p.history.Len()
	p.history = store.History{}
	m.take(&p)
	runtime.GC()
	runtime.ReadMemStats(&without)
	b.ReportMetric(float64(with.HeapAlloc-without.HeapAlloc)/float64(n), "B/transition")
	runtime.KeepAlive(m)
}

// leased is a machine with leases, and the entries that end them.
func leased(tb testing.TB, leases, size, together int) (*Machine, []*raft.Log) {
	tb.Helper()
	m := newMachine()
	var entries []*raft.Log
	for from := 0; from < leases; from += together {
		var begin, end Write
		for n := from; n < min(from+together, leases); n++ {
			i := registry.Instance{
				Service: fmt.Sprintf("service-%05d", n/size), ID: fmt.Sprintf("10.0.%d.%d:8080", n/250, n%250), Address: "10.0.0.7", Port: 8080,
				Zone: "eu-1a", Tags: []string{"v2", "canary"}, Metadata: map[string]string{"version": "2.3.1", "team": "billing"},
				Lease: &registry.Lease{TTL: 3e9, DeregisterAfter: 6e11},
			}
			index := uint64(1 + from/together)
			begin.Operations = append(begin.Operations, registry.Register{Instance: i.Normalize()})
			end.Operations = append(end.Operations, registry.ExpireLease{
				LeaseName: registry.LeaseName{Service: i.Service, ID: i.ID, Index: index},
				Cause:     registry.Cause{Evidence: "no heartbeat for 3s", SeenBy: []string{"n1"}},
			})
		}
		mustApply(tb, m, entryOf(uint64(1+from/together), begin))
		entries = append(entries, entryOf(uint64(1+(leases+from)/together+together), end))
	}
	return m, entries
}
