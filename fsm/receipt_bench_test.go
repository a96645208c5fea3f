package fsm

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/store"
)

// BenchmarkApplyingAKeyedWrite compares a registration with an idempotency key with one without, when the memory of keys is
// full: one comes and one goes.
func BenchmarkApplyingAKeyedWrite(b *testing.B) {
	for _, name := range []string{"without a key", "with a key"} {
		b.Run(name, func(b *testing.B) {
			m := remembering(b, store.MaxReceipts)
			index := uint64(0)
			for b.Loop() {
				index++
				w := writeOf(registerOp("orders", fmt.Sprint("i", index%100), fmt.Sprint(index)))
				if name == "with a key" {
					w.Key = fmt.Sprintf("during-%024d", index)
				}
				m.Apply(entryOf(index, w)) // encoding the entry costs the same in both
			}
		})
	}
}

// BenchmarkMemoryOfKeys says how many bytes a remembered key takes.
func BenchmarkMemoryOfKeys(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		m := remembering(b, store.MaxReceipts)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/store.MaxReceipts, "B/key")
		runtime.KeepAlive(m)
	}
}

// remembering is a machine that remembers n keys.
func remembering(tb testing.TB, n int) *Machine {
	tb.Helper()
	m := newMachine()
	p := *m.position.Load()
	for i := range n {
		p.receipts, _ = p.receipts.Add(&record.Receipt{Key: fmt.Sprintf("before-%024d", i), Effects: []record.Effect{record.EffectCreated}})
	}
	p.hash = p.receipts.Hash()
	m.take(&p)
	return m
}
