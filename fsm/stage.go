package fsm

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/hashicorp/raft"

	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// The limits of a restore. What is staged stands in every node's memory, and once more when it becomes the state.
const (
	// MaxSnapshot is how many bytes the snapshot of a restore may have: more than a million instances.
	MaxSnapshot = 512 << 20

	maxChunk  = 256 << 10
	maxChunks = 2 * MaxSnapshot / maxChunk
)

// applyStep applies the step of one entry and publishes what comes of it. Whether it is refused is decided by the staging
// alone, so every node refuses the same.
func (m *Machine) applyStep(entry *raft.Log, s *step) reply {
	before := m.position.Load()
	next, restored, err := before.after(entry, s)
	m.position.Store(next)
	m.hashes.note(entry.Index, next.hash)
	var changed []string
	swapped := s.kind == stepSwap && err == nil
	if swapped {
		m.decided = decidedIn(next.receipts)
		m.trails.restart(next.history)
		changed = serviceNames(before.state, next.state)
	}
	m.publisher.Publish(next.state, changed)
	if swapped {
		m.observer.Replaced(next.state)
	}
	return reply{outcome: Outcome{Index: entry.Index}, restored: restored, err: err}
}

// after is the position after the step. An error is for who proposed the step; the position is a good one in any case.
func (p *position) after(entry *raft.Log, s *step) (*position, Restored, error) {
	switch {
	case s.kind == stepChunk:
		staging, err := lay(p.staging, s)
		return p.staged(entry, staging), Restored{}, err
	case s.restore == p.staging.Finished().Restore: // sent again, as its answer was lost
		return p.staged(entry, p.staging), restoredOf(p.staging), nil
	case s.restore != p.staging.Restore():
		return p.staged(entry, p.staging), Restored{}, errNotUnderWay(s.restore)
	case s.kind == stepDrop:
		return p.staged(entry, p.staging.Drop()), Restored{}, nil
	}
	next, err := p.swapped(entry, s)
	if err != nil {
		return p.staged(entry, p.staging.Drop()), Restored{}, err
	}
	return next, restoredOf(next.staging), nil
}

func restoredOf(s store.Staging) Restored {
	f := s.Finished()
	return Restored{Index: f.Index, Instances: f.Instances, Services: f.Services}
}

// staged is the same state at the index of the entry, with another staging.
func (p *position) staged(entry *raft.Log, staging store.Staging) *position {
	edit := p.state.Edit()
	edit.SetIndex(entry.Index)
	hash := p.hash
	hash.Leave(p.staging.Hash())
	hash.Join(staging.Hash())
	return &position{state: edit.Commit(), term: entry.Term, hash: hash, staging: staging, receipts: p.receipts, history: p.history, commands: p.commands}
}

// lay lays a chunk down. One that is there already was sent again.
func lay(s store.Staging, c *step) (store.Staging, error) {
	next := uint64(len(s.Chunks()))
	switch {
	case len(c.bytes) == 0 || len(c.bytes) > maxChunk:
		return s, fmt.Errorf("%w: a chunk of a restore has 1 to %d bytes", registry.ErrInvalid, maxChunk)
	case c.restore == s.Finished().Restore:
		return s, fmt.Errorf("%w: the restore %s went through already", fault.ErrConflict, c.restore)
	case c.restore != s.Restore() && c.number > 0:
		return s, errNotUnderWay(c.restore)
	case c.restore != s.Restore():
	case c.number < next && bytes.Equal(c.bytes, s.Chunks()[c.number]):
		return s, nil
	case c.number != next:
		return s, fmt.Errorf("%w: chunk %d came where chunk %d is the next", fault.ErrConflict, c.number, next)
	case next == maxChunks || s.Size()+len(c.bytes) > MaxSnapshot:
		return s, fmt.Errorf("%w: a restore has at most %d bytes in %d chunks", registry.ErrInvalid, MaxSnapshot, maxChunks)
	}
	return s.Add(c.restore, bytes.Clone(c.bytes)), nil // the bytes were a part of the entry, which is Raft's
}

func errNotUnderWay(restore string) error {
	return fmt.Errorf("%w: the restore %s is not under way any more: another one has begun since, or it was given up", fault.ErrConflict, restore)
}

// swapped makes the state of the snapshot that is staged. Indexes only go forward: that of the backup is forgotten, and
// everything is stamped with the entry's. Receipts and the history are forgotten: what they say was done has been undone.
func (p *position) swapped(entry *raft.Log, s *step) (*position, error) {
	chunks := p.staging.Chunks()
	sum := sha256.New()
	readers := make([]io.Reader, len(chunks))
	for i, chunk := range chunks {
		sum.Write(chunk) // never fails, as package hash promises
		readers[i] = bytes.NewReader(chunk)
	}
	if !bytes.Equal(sum.Sum(nil), s.bytes) {
		return nil, fmt.Errorf("%w: what was staged is not the snapshot that was sent; nothing was changed, send it again", fault.ErrConflict)
	}
	next := position{term: entry.Term, receipts: p.receipts.Clear(), history: p.history.Clear(), commands: p.commands}
	edit := registry.NewState().Edit()
	edit.StartAt(entry.Index)
	_, err := readStream(io.MultiReader(readers...), func(i *registry.Instance, _ uint64) {
		i.CreateIndex, i.ModifyIndex, i.Incarnation = entry.Index, entry.Index, entry.Index
		if i.Lease != nil {
			i.LeaseIndex = entry.Index
		}
		for n := range i.Checks {
			i.Checks[n].Preserved = false // it is found anew; and nodes that do not know of it must come to the same state
		}
		edit.Put(i)
		next.hash.Add(i)
	})
	if err != nil {
		return nil, fmt.Errorf("%w: the snapshot can't be read: %w; nothing was changed", fault.ErrConflict, err)
	}
	next.state = edit.Commit()
	services := 0
	for range next.state.Services() {
		services++
	}
	next.staging = p.staging.Finish(store.Finished{
		Restore: s.restore, Index: entry.Index, Instances: next.state.Len(), Services: services,
	})
	next.hash.Join(next.staging.Hash())
	return &next, nil
}
