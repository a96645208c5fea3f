package fsm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

const (
	// stepTimeout is how long one try to have a step decided may take, and stepPatience how long tries go on: a few
	// elections in a row.
	stepTimeout  = 10 * time.Second
	stepPatience = 30 * time.Second

	// dropTimeout is for taking back what a failed restore has left in every node's memory.
	dropTimeout = 10 * time.Second
)

// Restored is what a restore that went through has made the state.
type Restored struct {
	Index     uint64 // at which, and with which everything is stamped
	Instances int
	Services  int
}

// Restore replaces the state by that of a snapshot: on all nodes at the same index, for readers all at once. The snapshot
// should have been looked at by [Inspect], whose checksum is sum: the nodes refuse what does not have it.
//
// Its chunks go through the log one by one, and each waits for a leader if need be. After an error nothing has changed,
// unless [fault.IsUnknown] holds. A [fault.ErrConflict] says that another restore has begun meanwhile.
func (w *Writer) Restore(ctx context.Context, from io.Reader, sum Checksum) (Restored, error) {
	restore := rand.Text()
	err := w.layDown(ctx, restore, from)
	if err == nil {
		r, open := w.settle(ctx, step{restore: restore, kind: stepSwap, bytes: sum[:]})
		if r.err == nil {
			return r.restored, nil
		}
		if err = r.err; open {
			err = fault.Unknown(err)
		}
	}
	return w.takeBack(ctx, restore, err)
}

// layDown has the log lay all chunks down.
func (w *Writer) layDown(ctx context.Context, restore string, from io.Reader) error {
	buffer := make([]byte, maxChunk)
	for number := uint64(0); ; number++ {
		n, err := io.ReadFull(from, buffer)
		if n > 0 {
			// Whether an earlier try laid it down does not matter: without the swap nothing changes.
			if r, _ := w.settle(ctx, step{restore: restore, kind: stepChunk, number: number, bytes: buffer[:n]}); r.err != nil {
				return notLaid(ctx, number, r.err)
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the snapshot again: %w", err)
		}
	}
}

// settle has a step decided. One whose outcome is unknown is proposed again: the staging knows which chunks it has, and
// remembers the restore that went through. With an error, open tells whether some try of the step may have been decided
// otherwise, or may yet be: the last one may have met what another restore has made of the staging since.
func (w *Writer) settle(ctx context.Context, s step) (r reply, open bool) {
	p := proposeStep(s.encode())
	patience := time.After(stepPatience)
	for {
		try, cancel := context.WithTimeout(ctx, stepTimeout)
		r = w.propose(try, p)
		cancel()
		open = open || fault.IsUnknown(r.err)
		if r.err == nil || !passing(r.err) {
			return r, open
		}
		pause := time.NewTimer(retryPause)
		select {
		case <-pause.C:
		case <-patience:
			return r, open
		case <-ctx.Done():
			return r, open
		}
		pause.Stop()
	}
}

// passing tells whether a step that failed so may succeed in a moment.
func passing(err error) bool {
	return fault.IsUnknown(err) || errors.Is(err, fault.ErrNoLeader) || errors.Is(err, fault.ErrTimeout) || errors.Is(err, fault.ErrOverloaded)
}

// notLaid is the error of a restore that failed before its swap. Whatever became of the chunk, the state is the old one.
func notLaid(ctx context.Context, chunk uint64, err error) error {
	kind := fault.ErrTimeout
	switch {
	case !passing(err):
		return fmt.Errorf("chunk %d: %w", chunk, err)
	case ctx.Err() != nil:
		return fmt.Errorf("%w: the restore was given up at chunk %d; nothing was changed", context.Cause(ctx), chunk)
	case errors.Is(err, fault.ErrNoLeader):
		kind = fault.ErrNoLeader
	case errors.Is(err, fault.ErrOverloaded):
		kind = fault.ErrOverloaded
	}
	return fmt.Errorf("%w: the log did not take chunk %d of the restore within %s; nothing was changed", kind, chunk, stepPatience)
}

// takeBack drops what a failed restore has staged, as far as somebody leads, and so settles what became of the swap. Where it
// went through after all, the restore did not fail. Where the drop found the restore still under way, it never will. A drop
// that is refused says neither: another restore may have begun before the swap, or after it.
func (w *Writer) takeBack(ctx context.Context, restore string, failed error) (Restored, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	r, _ := w.settle(ctx, step{restore: restore, kind: stepDrop})
	switch {
	case r.err == nil && r.restored != (Restored{}):
		return r.restored, nil
	case r.err == nil && fault.IsUnknown(failed):
		failed = fmt.Errorf("%w: the log did not take the end of the restore within %s; nothing was changed", fault.ErrTimeout, stepPatience)
	}
	return Restored{}, failed
}
