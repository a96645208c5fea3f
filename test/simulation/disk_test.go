package simulation

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// content is what a disk holds.
type content struct {
	entries    map[uint64]*raft.Log
	values     map[string][]byte
	snapshots  []*snapshot // the newest first
	checkpoint store.Image
}

func (c content) clone() content {
	c.entries, c.values, c.snapshots = maps.Clone(c.entries), maps.Clone(c.values), slices.Clone(c.snapshots)
	return c
}

// bounds are the first and the last entry of the log, 0 where it is empty.
func (c content) bounds() (first, last uint64) {
	for index := range c.entries {
		if first == 0 || index < first {
			first = index
		}
		last = max(last, index)
	}
	return first, last
}

// disk is that of a machine. A process has it mounted, and keeps what it sees there when it is killed, while the disk goes on
// to the next one.
type disk struct {
	durable content
	mounted *mount
}

func newDisk() *disk {
	return &disk{durable: content{
		entries: map[uint64]*raft.Log{}, values: map[string][]byte{}, checkpoint: store.Image{State: registry.NewState()},
	}}
}

// mount is a disk as one process has it: a [raft.LogStore], a [raft.StableStore], and a [fsm.Checkpoint]. What is written is
// there only once it is synced, which takes time.
type mount struct {
	mu          sync.Mutex
	dice        *rand.Rand
	sync        time.Duration // takes about so long
	content     content
	first, last uint64
	vote        []byte         // the term of a vote whose candidate has not come yet
	pending     func(*content) // that is being synced
}

// mount has a process see what is on the disk.
func (d *disk) mount(seed uint64) *mount {
	d.mounted = &mount{dice: rand.New(rand.NewPCG(seed, 2)), sync: time.Millisecond, content: d.durable.clone()} //nolint:gosec // it is to be repeated
	d.mounted.first, d.mounted.last = d.mounted.content.bounds()
	return d.mounted
}

// lose is the end of the process, and whatever it still does is lost. What was being synced just then may be there or not.
func (d *disk) lose() {
	m := d.mounted
	m.mu.Lock()
	defer m.mu.Unlock()
	d.durable = m.content.clone()
	if m.pending != nil && m.dice.IntN(2) == 0 {
		m.pending(&d.durable)
	}
}

// slow has each sync take about so long from now on.
func (m *mount) slow(takes time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sync = takes
}

// write makes a change durable.
func (m *mount) write(change func(*content)) {
	m.mu.Lock()
	m.pending = change
	takes := m.sync/2 + time.Duration(m.dice.Int64N(int64(m.sync)))
	m.mu.Unlock()
	time.Sleep(takes)
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.content)
	m.pending = nil
}

// FirstIndex is that of the first entry.
func (m *mount) FirstIndex() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.first, nil
}

// LastIndex is that of the last entry.
func (m *mount) LastIndex() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last, nil
}

// GetLog reads an entry.
func (m *mount) GetLog(index uint64, to *raft.Log) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	entry := m.content.entries[index]
	if entry == nil {
		return raft.ErrLogNotFound
	}
	*to = *entry
	return nil
}

// StoreLog writes an entry.
func (m *mount) StoreLog(entry *raft.Log) error { return m.StoreLogs([]*raft.Log{entry}) }

// StoreLogs writes entries, all or none.
func (m *mount) StoreLogs(entries []*raft.Log) error {
	m.write(func(c *content) {
		for _, of := range entries {
			c.entries[of.Index] = of
		}
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, of := range entries {
		if m.first == 0 {
			m.first = of.Index
		}
		m.first, m.last = min(m.first, of.Index), max(m.last, of.Index)
	}
	return nil
}

// DeleteRange drops entries.
func (m *mount) DeleteRange(first, last uint64) error {
	m.write(func(c *content) {
		for index := first; index <= last; index++ {
			delete(c.entries, index)
		}
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.first, m.last = m.content.bounds()
	return nil
}

// Set writes a value. The candidate of a vote is written together with its term, as package raftdisk does it.
func (m *mount) Set(key, value []byte) error {
	term := m.vote
	m.write(func(c *content) {
		c.values[string(key)] = bytes.Clone(value)
		if string(key) == "LastVoteCand" {
			c.values["LastVoteTerm"] = term
		}
	})
	return nil
}

var errNotFound = errors.New("not found") // Raft goes by the text

// Get reads a value.
func (m *mount) Get(key []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.content.values[string(key)]
	if !ok {
		return nil, errNotFound
	}
	return value, nil
}

// SetUint64 writes a number.
func (m *mount) SetUint64(key []byte, value uint64) error {
	text := fmt.Append(nil, value)
	if string(key) == "LastVoteTerm" {
		m.vote = text // Raft's one goroutine writes the candidate next
		return nil
	}
	return m.Set(key, text)
}

// GetUint64 reads a number.
func (m *mount) GetUint64(key []byte) (value uint64, err error) {
	text, err := m.Get(key)
	if err == nil {
		_, err = fmt.Sscan(string(text), &value)
	}
	return value, err
}

// Save writes the checkpoint.
func (m *mount) Save(image store.Image) error {
	m.mu.Lock()
	takes := 5 * m.sync
	m.mu.Unlock()
	time.Sleep(takes) // beside the log, whose writes do not wait for it
	m.mu.Lock()
	defer m.mu.Unlock()
	m.content.checkpoint = image
	return nil
}

// snapshot is one of Raft's.
type snapshot struct {
	meta raft.SnapshotMeta
	data []byte
}

// snapshots is a [raft.SnapshotStore].
type snapshots struct{ mount *mount }

// sink is a snapshot that is being written.
type sink struct {
	mount *mount
	meta  raft.SnapshotMeta
	bytes.Buffer
}

// Create begins a snapshot.
func (s snapshots) Create(version raft.SnapshotVersion, index, term uint64, c raft.Configuration, at uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &sink{mount: s.mount, meta: raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d", term, index), Index: index, Term: term, Configuration: c, ConfigurationIndex: at,
	}}, nil
}

func (s *sink) ID() string { return s.meta.ID }

func (s *sink) Cancel() error { return nil }

// Close has the snapshot be there.
func (s *sink) Close() error {
	s.mount.mu.Lock()
	takes := 5 * s.mount.sync
	s.mount.mu.Unlock()
	time.Sleep(takes)
	s.mount.mu.Lock()
	defer s.mount.mu.Unlock()
	s.meta.Size = int64(s.Len())
	all := append(s.mount.content.snapshots, &snapshot{s.meta, s.Bytes()})
	slices.SortStableFunc(all, func(a, b *snapshot) int { return int(b.meta.Index) - int(a.meta.Index) }) //nolint:gosec // small
	s.mount.content.snapshots = all[:min(len(all), 2)]
	return nil
}

// List lists the snapshots, the newest first.
func (s snapshots) List() (metas []*raft.SnapshotMeta, err error) {
	s.mount.mu.Lock()
	defer s.mount.mu.Unlock()
	for _, of := range s.mount.content.snapshots {
		metas = append(metas, &of.meta)
	}
	return metas, nil
}

// Open reads a snapshot.
func (s snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mount.mu.Lock()
	defer s.mount.mu.Unlock()
	for _, of := range s.mount.content.snapshots {
		if of.meta.ID == id {
			return &of.meta, io.NopCloser(bytes.NewReader(of.data)), nil
		}
	}
	return nil, nil, errNotFound
}
