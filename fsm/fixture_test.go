package fsm

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// newMachine is a machine that starts with nothing.
func newMachine() *Machine {
	return NewMachine(store.Image{State: registry.NewState()}, func() string { return "test-cluster" })
}

// writeOf is a write without a key.
func writeOf(ops ...registry.Operation) Write { return Write{Operations: ops} }

// entryOf is the entry at an index in which the given writes were gathered.
func entryOf(index uint64, writes ...Write) *raft.Log {
	encoded := make([][]byte, len(writes))
	var version byte
	for i, w := range writes {
		encoded[i] = encodeWrite(w)
		version = max(version, w.version())
	}
	return &raft.Log{Index: index, Term: 1 + index/50, Type: raft.LogCommand, Data: encodeCommand(version, time.Unix(int64(index), 0), "leader", encoded)}
}

// registerOp registers the instance; the version makes the document another one.
func registerOp(service, id, version string) registry.Register {
	i := registry.Instance{Service: service, ID: id, Address: "10.0.0.1", Port: 8080, Metadata: map[string]string{"version": version, "a": "b"}}
	return registry.Register{Instance: i.Normalize()}
}

// drawOperation draws an operation on one of few instances, so that they meet.
func drawOperation(t *rapid.T) registry.Operation {
	service := rapid.SampledFrom([]string{"orders", "payments", "search"}).Draw(t, "service")
	id := fmt.Sprintf("i%d", rapid.IntRange(1, 4).Draw(t, "id"))
	switch rapid.IntRange(0, 5).Draw(t, "operation") {
	case 0:
		return registry.Deregister{Service: service, ID: id}
	case 1:
		status := rapid.SampledFrom([]registry.Status{registry.Healthy, registry.Unhealthy, registry.Unknown}).Draw(t, "status")
		output := rapid.SampledFrom([]string{"", "fine", "not so fine"}).Draw(t, "output")
		return registry.ReportHealth{Service: service, ID: id, Report: registry.Report{Status: status, Output: output}}
	case 2:
		return registry.SetMaintenance{Service: service, ID: id, Maintenance: registry.Maintenance{Enabled: rapid.Bool().Draw(t, "enabled")}}
	default:
		return registerOp(service, id, rapid.SampledFrom([]string{"1", "2"}).Draw(t, "version"))
	}
}

// drawLog draws a log: entries of writes, of which some hold several operations and some have keys, with gaps where Raft has
// entries of its own.
func drawLog(t *rapid.T) []*raft.Log {
	var entries []*raft.Log
	index := uint64(0)
	for range rapid.IntRange(1, 40).Draw(t, "entries") {
		index += uint64(rapid.IntRange(1, 3).Draw(t, "step"))
		var writes []Write
		for range rapid.IntRange(1, 4).Draw(t, "writes") {
			w := Write{Key: rapid.SampledFrom([]string{"", "", "k1", "k2", "k3"}).Draw(t, "key")}
			if rapid.IntRange(0, 4).Draw(t, "fenced") == 0 {
				w.Term = 1
			}
			for range rapid.IntRange(1, 3).Draw(t, "operations") {
				w.Operations = append(w.Operations, drawOperation(t))
			}
			writes = append(writes, w)
		}
		entries = append(entries, entryOf(index, writes...))
	}
	return entries
}

// applyInBatches feeds the log to the machine in batches of random sizes, as Raft does.
func applyInBatches(t *rapid.T, m *Machine, entries []*raft.Log) {
	for len(entries) > 0 {
		n := rapid.IntRange(1, len(entries)).Draw(t, "batch")
		m.ApplyBatch(entries[:n])
		entries = entries[n:]
	}
}

func mustApply(t testing.TB, m *Machine, entry *raft.Log) []reply {
	t.Helper()
	replies, ok := m.Apply(entry).([]reply)
	if !ok {
		t.Fatalf("entry %d was not applied", entry.Index)
	}
	return replies
}
