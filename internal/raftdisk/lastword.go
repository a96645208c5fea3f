package raftdisk

import (
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/hashicorp/raft"
)

// lastWord is the storage as Raft sees it.
//
// Where an entry can't be read or the term can't be written, Raft panics, and the process would end in pages of stacks
// instead of a line that says what to do. Here the goroutine that meets such an error ends by itself, as if Raft had been
// shut down at that point: it says nothing more in this node's name, and the process is on its way to end, since the
// breakdown was reported. Where Raft copes with an error it gets the error.
type lastWord struct {
	raft.LogStore
	raft.StableStore
	broken *breakdown
	path   string

	// While Raft starts, every entry between the two must be there. A leader may ask for others before the start is over.
	starts     atomic.Bool
	begin, end uint64 // of the newest snapshot, and of the log
}

func (s *lastWord) GetLog(index uint64, entry *raft.Log) error {
	err := s.LogStore.GetLog(index, entry)
	if errors.Is(err, raft.ErrLogNotFound) {
		if !s.starts.Load() || index <= s.begin || index > s.end {
			return err
		}
		err = s.broken.of(refusal(ErrDamaged, "entry %d is missing in Raft's log %s", index, s.path))
	}
	if err != nil {
		runtime.Goexit()
	}
	return nil
}

func (s *lastWord) SetUint64(key []byte, value uint64) error {
	if err := s.StableStore.SetUint64(key, value); err != nil {
		runtime.Goexit()
	}
	return nil
}
