package fsm

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/store"
)

// A checkpoint follows the state at an interval at most. Its fsync competes with the log's and its work with that of a storm
// of changes, and all that a late checkpoint costs is a longer replay at the next start. So one that took long is not followed
// by another before many times as long have passed.
const (
	checkpointInterval = 5 * time.Second
	checkpointShare    = 20 // the part of the time that checkpoints may take is one in so many
	checkpointLatest   = 30 * time.Second
)

// Checkpoint is where the state is kept. [store.Checkpoint] is one.
type Checkpoint interface {
	// Save writes the image durably. One goroutine calls it.
	Save(image store.Image) error
}

// KeepCheckpoint writes the state behind the log until ctx ends, and then once more, but never one in doubt. A checkpoint that can't be written
// stops the machine: what a disk that failed once holds, nobody knows.
func (m *Machine) KeepCheckpoint(ctx context.Context, c Checkpoint) error {
	saved := m.loaded
	next := time.NewTimer(checkpointInterval)
	defer next.Stop()
	for {
		last := false
		select {
		case <-next.C:
		case <-ctx.Done():
			last = true
		}
		began := time.Now()
		sound := m.Sound() == nil // first: the state of a doubt that ends in between is the wrong one
		if image := m.Image(); sound && image.State != saved {
			if err := c.Save(image); err != nil {
				return fmt.Errorf("write the checkpoint: %w", err)
			}
			saved = image.State
		}
		if last {
			return nil
		}
		next.Reset(min(max(checkpointInterval, checkpointShare*time.Since(began)), checkpointLatest))
	}
}
