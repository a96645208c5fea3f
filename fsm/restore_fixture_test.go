package fsm

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
)

// stepEntry is the entry at an index with one step of a restore.
func stepEntry(index uint64, s step) *raft.Log {
	return &raft.Log{Index: index, Term: 1 + index/50, Type: raft.LogCommand, Data: encodeStepCommand(time.Unix(int64(index), 0), "leader", s.encode())}
}

// stepsOf are the steps that restore a snapshot, in chunks of a size.
func stepsOf(restore string, snapshot []byte, size int) []step {
	sum := sha256.Sum256(snapshot)
	var steps []step
	for rest := snapshot; len(rest) > 0; {
		n := min(size, len(rest))
		steps = append(steps, step{restore: restore, kind: stepChunk, number: uint64(len(steps)), bytes: rest[:n]})
		rest = rest[n:]
	}
	return append(steps, step{restore: restore, kind: stepSwap, bytes: sum[:]})
}

// backupOf is the snapshot that an operator would have taken of a machine.
func backupOf(t interface{ Fatal(...any) }, m *Machine) []byte {
	var b bytes.Buffer
	backup, err := m.Backup()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// populated is a machine with n instances, ten a service, that were registered one by one from an index on.
func populated(t testing.TB, from uint64, n int) *Machine {
	t.Helper()
	m := newMachine()
	var entries []*raft.Log
	for k := range n {
		entries = append(entries, entryOf(from+uint64(k), writeOf(registerOp(fmt.Sprintf("service-%05d", k/10), fmt.Sprintf("i%d", k%10), "1"))))
	}
	m.ApplyBatch(entries)
	return m
}

// apply applies steps from an index on and returns the reply to the last.
func apply(t testing.TB, m *Machine, from uint64, steps ...step) (last reply) {
	t.Helper()
	for n, s := range steps {
		last = mustApply(t, m, stepEntry(from+uint64(n), s))[0]
	}
	return last
}

// drawRestores draws a log of writes and of restores: some whole, some broken off, some damaged, some of which a step comes
// twice or in the wrong place.
func drawRestores(t *rapid.T) []*raft.Log {
	source := newMachine()
	source.ApplyBatch(drawLog(t))
	snapshot := backupOf(t, source)

	var log []*raft.Log
	index := uint64(0)
	next := func() uint64 {
		index += uint64(rapid.IntRange(1, 3).Draw(t, "gap"))
		return index
	}
	writeSome := func() {
		for range rapid.IntRange(0, 3).Draw(t, "writes between") {
			log = append(log, entryOf(next(), writeOf(drawOperation(t))))
		}
	}
	for n := range rapid.IntRange(1, 3).Draw(t, "restores") {
		bytesToSend := bytes.Clone(snapshot)
		steps := stepsOf(fmt.Sprintf("restore-%d", n), bytesToSend, rapid.IntRange(40, 400).Draw(t, "chunk"))
		if rapid.IntRange(0, 4).Draw(t, "damage") == 0 {
			bytesToSend[rapid.IntRange(0, len(bytesToSend)-1).Draw(t, "byte")] ^= 1
		}
		if rapid.IntRange(0, 4).Draw(t, "break off") == 0 {
			steps = steps[:rapid.IntRange(1, len(steps)).Draw(t, "steps")]
		}
		for _, s := range steps {
			writeSome()
			log = append(log, stepEntry(next(), s))
			switch rapid.IntRange(0, 30).Draw(t, "trouble") {
			case 0: // its answer was lost
				log = append(log, stepEntry(next(), s))
			case 1:
				s.number++
				log = append(log, stepEntry(next(), s))
			case 2:
				log = append(log, stepEntry(next(), step{restore: "another", kind: rapid.SampledFrom([]stepKind{stepChunk, stepSwap, stepDrop}).Draw(t, "kind"), number: s.number, bytes: s.bytes}))
			case 3:
				log = append(log, stepEntry(next(), step{restore: s.restore, kind: stepDrop}))
			}
		}
		writeSome()
	}
	return log
}

// wantConsistent fails the test unless the hash that a machine carries along is the hash of what it holds.
func wantConsistent(t interface {
	Helper()
	Fatalf(string, ...any)
}, m *Machine) {
	t.Helper()
	p := m.position.Load()
	hash := p.staging.Hash()
	hash.Join(p.receipts.Hash())
	hash.Join(p.history.Hash())
	for service := range p.state.Services() {
		for i := range service.Instances() {
			hash.Add(i)
		}
	}
	var fresh trails
	if fresh.restart(p.history); !maps.EqualFunc(fresh.of, m.trails.of, func(a, b *trail) bool { return slices.Equal(a.numbers, b.numbers) }) {
		t.Fatalf("the trails of %d instances are not those of the history, with %d", len(m.trails.of), len(fresh.of))
	}
	if hash != p.hash {
		t.Fatalf("the machine carries the hash %s, its content has %s", p.hash, hash)
	}
}

// instancesOf are all instances of a machine, without their indexes.
func instancesOf(m *Machine) []registry.Instance {
	var all []registry.Instance
	for service := range m.Publisher().State().Services() {
		for i := range service.Instances() {
			plain := *i.Clone()
			plain.CreateIndex, plain.ModifyIndex, plain.Incarnation = 0, 0, 0
			all = append(all, plain)
		}
	}
	return all
}
