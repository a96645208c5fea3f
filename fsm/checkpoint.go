package fsm

import (
	"context"
	"fmt"
	"time"

	"github.com/musterhq/muster/store"
)

// checkpointInterval is how often the checkpoint follows the state at most. Its fsync competes with the log's, and all
// that a late checkpoint costs is a longer replay at the next start.
const checkpointInterval = time.Second

// Checkpoint is where the state is kept. [store.Checkpoint] is one.
type Checkpoint interface {
	// Save writes the image durably. One goroutine calls it.
	Save(image store.Image) error
}

// KeepCheckpoint writes the state behind the log until ctx ends, and then once more, but never one in doubt. A checkpoint that can't be written
// stops the machine: what a disk that failed once holds, nobody knows.
func (m *Machine) KeepCheckpoint(ctx context.Context, c Checkpoint) error {
	saved := m.loaded
	tick := time.NewTicker(checkpointInterval)
	defer tick.Stop()
	for {
		last := false
		select {
		case <-tick.C:
		case <-ctx.Done():
			last = true
		}
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
	}
}
