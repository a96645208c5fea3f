package store

import (
	"encoding/binary"
	"slices"

	"github.com/musterhq/muster/internal/record"
)

// Staging is the part of the state in which the log lays down, chunk by chunk, the snapshot that an operator restores. It
// also remembers the last restore that went through, so that one of which no answer came can be asked for again. The zero
// Staging is empty.
//
// It is a value that never changes: its methods return the next one, which shares the chunks. Nobody may change their bytes.
type Staging struct {
	restore  string // whose chunks these are; empty where there are none
	chunks   [][]byte
	size     int
	staged   record.Hash // of the chunks
	finished Finished
}

// Finished is a restore that went through.
type Finished struct {
	Restore   string `json:"restore"` // its id; empty where there was none yet
	Index     uint64 `json:"index"`   // at which the state became the snapshot's
	Instances int    `json:"instances"`
	Services  int    `json:"services"`
}

// Restore is the id of the restore that the chunks belong to, empty where there are none.
func (s Staging) Restore() string { return s.restore }

// Chunks are what has come of the snapshot so far, in order.
func (s Staging) Chunks() [][]byte { return s.chunks }

// Size is the number of bytes in all chunks.
func (s Staging) Size() int { return s.size }

// Finished is the last restore that went through.
func (s Staging) Finished() Finished { return s.finished }

// Add adds a chunk of a restore. Those of another restore are dropped.
func (s Staging) Add(restore string, chunk []byte) Staging {
	if restore != s.restore {
		s = s.Drop()
	}
	number := binary.AppendUvarint(nil, uint64(len(s.chunks)))
	s.restore = restore
	s.staged.AddRecord([]byte("#chunk\x00"), []byte(restore), []byte{0}, number, chunk)
	s.chunks = append(slices.Clip(s.chunks), chunk)
	s.size += len(chunk)
	return s
}

// Drop drops all chunks.
func (s Staging) Drop() Staging { return Staging{finished: s.finished} }

// Finish drops all chunks and remembers f as the last restore that went through.
func (s Staging) Finish(f Finished) Staging { return Staging{finished: f} }

// Hash is the staging's share of the state's hash: zero as long as nothing was ever restored.
func (s Staging) Hash() record.Hash {
	h := s.staged
	if f := s.finished; f != (Finished{}) {
		numbers := binary.BigEndian.AppendUint64(nil, f.Index)
		numbers = binary.BigEndian.AppendUint64(numbers, uint64(f.Instances))
		numbers = binary.BigEndian.AppendUint64(numbers, uint64(f.Services))
		h.AddRecord([]byte("#finished\x00"), numbers, []byte(f.Restore))
	}
	return h
}

// shared is how many chunks, from the first on, are the very same in both: in memory, which costs less than to compare them.
func (s Staging) shared(other Staging) int {
	if s.restore != other.restore {
		return 0
	}
	n := 0
	for n < min(len(s.chunks), len(other.chunks)) && same(s.chunks[n], other.chunks[n]) {
		n++
	}
	return n
}

func same(a, b []byte) bool { return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0] }
