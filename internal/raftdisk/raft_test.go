package raftdisk

import (
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// machine is a state machine that keeps the entries.
type machine struct {
	mu       sync.Mutex
	applied  []string
	restored []string
	refuses  error // to restore
}

func newMachine() *machine { return new(machine) }

func (m *machine) Apply(entry *raft.Log) any { return m.ApplyBatch([]*raft.Log{entry})[0] }

func (m *machine) ApplyBatch(entries []*raft.Log) []any {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, entry := range entries {
		if entry.Type == raft.LogCommand {
			m.applied = append(m.applied, string(entry.Data))
		}
	}
	return make([]any, len(entries))
}

func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return text(strings.Join(m.applied, " ")), nil
}

func (m *machine) Restore(from io.ReadCloser) error {
	b, err := io.ReadAll(from)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuses != nil {
		return m.refuses
	}
	m.restored = append(m.restored, string(b))
	return err
}

func (m *machine) entries() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.applied)
}

func (m *machine) snapshots() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.restored)
}

// text is a snapshot.
type text string

func (s text) Persist(sink raft.SnapshotSink) error {
	if _, err := io.WriteString(sink, string(s)); err != nil {
		_ = sink.Cancel()
		return err
	}
	return sink.Close()
}

func (text) Release() {}

// voter is a node under test among two others, for which the test speaks.
type voter struct {
	t       testing.TB
	raft    *raft.Raft
	address raft.ServerAddress
	peer    *raft.InmemTransport // the test's
}

// three is the configuration of the node with two others.
func three(id string) raft.Configuration {
	c := alone(id)
	for _, other := range []string{"node-2", "node-3"} {
		c.Servers = append(c.Servers, raft.Server{ID: raft.ServerID(other), Address: raft.ServerAddress(other)})
	}
	return c
}

// patient is a Raft that does nothing by itself.
func patient(id string) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(id)
	c.HeartbeatTimeout, c.ElectionTimeout = time.Hour, time.Hour
	c.NoLegacyTelemetry = true
	c.Logger = hclog.NewNullLogger()
	return c
}

func (p *place) startRaft(d *Disk, m *machine, tune ...func(*raft.Config)) *voter {
	p.t.Helper()
	v, err := p.tryRaft(d, m, tune...)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

func (p *place) tryRaft(d *Disk, m *machine, tune ...func(*raft.Config)) (*voter, error) {
	p.t.Helper()
	address, transport := raft.NewInmemTransportWithTimeout(raft.ServerAddress(p.id), patience)
	_, peer := raft.NewInmemTransportWithTimeout("node-2", patience)
	peer.Connect(address, transport)
	c := patient(p.id)
	for _, f := range tune {
		f(c)
	}
	r, err := d.StartRaft(c, m, transport)
	return &voter{t: p.t, raft: r, address: address, peer: peer}, err
}

func (v *voter) stop() {
	v.t.Helper()
	if err := v.raft.Shutdown().Error(); err != nil {
		v.t.Error(err)
	}
}

func headerOf(id string) raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(id), Addr: []byte(id)}
}

// append has the leader of a term, node-2, send entries that follow on another. It tells whether they were taken.
func (v *voter) append(term, previous, previousTerm, committed uint64, entries ...*raft.Log) bool {
	v.t.Helper()
	var answer raft.AppendEntriesResponse
	err := v.peer.AppendEntries("node-1", v.address, &raft.AppendEntriesRequest{
		RPCHeader: headerOf("node-2"), Term: term, PrevLogEntry: previous, PrevLogTerm: previousTerm,
		Entries: entries, LeaderCommitIndex: committed,
	}, &answer)
	if err != nil {
		v.t.Logf("append: %v", err)
	}
	return err == nil && answer.Success
}

// install has the leader of a term send a snapshot.
func (v *voter) install(term, index, indexTerm uint64, content string) error {
	v.t.Helper()
	var answer raft.InstallSnapshotResponse
	return v.peer.InstallSnapshot("node-1", v.address, &raft.InstallSnapshotRequest{
		RPCHeader: headerOf("node-2"), SnapshotVersion: 1, Term: term, LastLogIndex: index, LastLogTerm: indexTerm,
		Configuration: raft.EncodeConfiguration(three("node-1")), ConfigurationIndex: 1, Size: int64(len(content)),
	}, &answer, strings.NewReader(content))
}
