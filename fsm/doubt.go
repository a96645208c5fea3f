package fsm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/record"
)

// maxKept bounds the bytes of the entries that a machine keeps for the state that is to replace its own.
const maxKept = 64 << 20

var (
	// ErrOutrun says that a state came too late to replace one in doubt: more entries came meanwhile than the machine
	// keeps. A newer one will do.
	ErrOutrun = errors.New("the log went further than the state that was fetched")

	// ErrNoDoubt says that there is no state to be replaced, or not any more: a snapshot of Raft's may have come first.
	ErrNoDoubt = errors.New("the state is not in doubt")
)

// doubt is the time from when a machine's state was found to be wrong to when another has taken its place. Nothing is applied
// to the wrong state meanwhile, and no snapshot or checkpoint is made of it; entries that Raft shows are kept for the right
// one. The log and the vote are none of its business: what this node has acknowledged to the others, it still has.
type doubt struct {
	reason  error
	reached atomic.Uint64 // the last entry with a command that Raft has shown
	over    chan struct{} // closed at the end

	// Under the machine's lock.
	floor   uint64 // a state that replaces the wrong one holds at least the entries up to here
	entries []*raft.Log
	size    int       // of the entries, in bytes
	next    *position // the right state, until the log covers it
}

// Distrust takes the state out of use, since it is wrong: from here on [Machine.Sound] gives the reason, until another one
// takes its place by [Machine.Replace] or by a snapshot of Raft's.
func (m *Machine) Distrust(reason error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.doubt.Load() != nil {
		return
	}
	m.doubts.Add(1)
	d := &doubt{reason: reason, over: make(chan struct{}), floor: m.position.Load().state.Index()}
	d.reached.Store(d.floor)
	m.doubt.Store(d)
}

// Floor is the index up to which a state must hold the entries at least in order to replace one in doubt: more than Distrust
// said where not all entries since then could be kept. Without a doubt the error is [ErrNoDoubt].
func (m *Machine) Floor() (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.doubt.Load()
	if d == nil {
		return 0, ErrNoDoubt
	}
	return d.floor, nil
}

// Sound is nil as long as readers may rely on the state, and otherwise says why not.
func (m *Machine) Sound() error {
	if d := m.doubt.Load(); d != nil {
		return d.reason
	}
	return nil
}

// Replace puts the state of a stream that [Machine.WriteState] of another node's machine wrote in the place of one in doubt.
// It is put there as soon as this node's own log covers it, when the channel is closed, with the entries on top that came
// meanwhile.
func (m *Machine) Replace(from io.Reader) (done <-chan struct{}, err error) {
	next, clusterID, err := readState(from)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the state of another node: %w", err)
	case clusterID != m.clusterID():
		return nil, fmt.Errorf("the state is one of cluster %q", clusterID)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.doubt.Load()
	switch {
	case d == nil:
		return nil, ErrNoDoubt
	case next.state.Index() < d.floor:
		return nil, fmt.Errorf("%w: it is at %d, and at least %d is needed", ErrOutrun, next.state.Index(), d.floor)
	}
	d.next = next
	m.settleDoubt(d, m.seen)
	return d.over, nil
}

// WriteState writes the state and all that belongs to it, also what is staged of a restore, unless it is in doubt.
func (m *Machine) WriteState(to io.Writer) error {
	if err := m.Sound(); err != nil { // first: the state of a doubt that ends in between is the wrong one
		return err
	}
	return writeSnapshot(to, m.position.Load(), m.clusterID())
}

// HashAt is the hash of the state after an entry, as far as it is kept and the state is not in doubt.
func (m *Machine) HashAt(index uint64) (record.Hash, bool) {
	hash, ok := m.hashes.at(index)
	return hash, ok && m.Sound() == nil
}

// keep takes entries that Raft shows while the state is in doubt. It tells whether they are to be applied after all, since
// with them the log covers the state that is to replace the wrong one.
func (m *Machine) keep(d *doubt, entries []*raft.Log) (settled bool) {
	for _, entry := range entries {
		m.seen = entry.Index
		if entry.Type == raft.LogCommand {
			d.reached.Store(entry.Index)
		}
	}
	if m.settleDoubt(d, m.seen) {
		return true
	}
	if d.next != nil {
		d.floor = max(d.floor, m.seen) // it contains them all, and so must one that comes in its place
		return false
	}
	for _, entry := range entries {
		if entry.Type != raft.LogCommand {
			continue
		}
		if d.size += len(entry.Data); d.size > maxKept {
			d.entries, d.size, d.floor = nil, 0, entry.Index
			continue
		}
		kept := *entry
		kept.Data = bytes.Clone(entry.Data) // Raft's log may use it again
		d.entries = append(d.entries, &kept)
	}
	return false
}

// settleDoubt ends a doubt once there is a state to replace the wrong one and the log covers it: before that, a restart would
// find a checkpoint beyond the log, and a log that is lost can't be told from one that is late.
func (m *Machine) settleDoubt(d *doubt, shown uint64) bool {
	if d.next == nil || d.next.state.Index() > max(shown, m.position.Load().state.Index()) {
		return false
	}
	m.take(d.next)
	m.apply(d.entries)
	m.endDoubt()
	return true
}

// take puts a state in the place of another one that it did not come from.
func (m *Machine) take(next *position) {
	before := m.position.Load()
	m.hashes.restart(next.state.Index(), next.hash)
	m.position.Store(next)
	m.decided = decidedIn(next.receipts)
	m.trails.restart(next.history)
	m.publisher.Publish(next.state, serviceNames(before.state, next.state))
	m.observer.Replaced(next.state)
}

// endDoubt lets readers rely on the state again.
func (m *Machine) endDoubt() {
	if d := m.doubt.Swap(nil); d != nil {
		close(d.over)
		state := m.position.Load().state
		m.publisher.Publish(state, serviceNames(state)) // once more: who was woken by it found it in doubt still
	}
}
