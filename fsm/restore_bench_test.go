package fsm

import (
	"testing"

	"github.com/hashicorp/raft"
)

// For as long as a swap takes, the entries behind it wait; readers go on.
func BenchmarkSwapOfHundredThousandInstances(b *testing.B) {
	const n = 100_000
	steps := stepsOf("r", backupOf(b, populated(b, 1, n)), maxChunk)
	m := newMachine()
	for i, s := range steps[:len(steps)-1] {
		mustApply(b, m, stepEntry(uint64(i+1), s))
	}
	staged := m.position.Load()
	entry := &raft.Log{Index: uint64(len(steps)), Term: 1}
	b.ReportAllocs()
	for b.Loop() {
		if _, restored, err := staged.after(entry, &steps[len(steps)-1]); err != nil || restored.Instances != n {
			b.Fatalf("restored %+v, error %v", restored, err)
		}
	}
}
