package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// teardown remembers how to take apart what was put together so far.
type teardown struct {
	log   *slog.Logger
	steps []step
}

type step struct {
	name string
	undo func(ctx context.Context) error
}

// add registers how to undo what was just done.
func (t *teardown) add(name string, undo func(ctx context.Context) error) {
	t.steps = append(t.steps, step{name, undo})
}

// run undoes everything in reverse, whatever fails on the way. The context bounds what may take long; a step is not
// skipped because one before it took all the time.
func (t *teardown) run(ctx context.Context) error {
	var errs []error
	for len(t.steps) > 0 {
		last := t.steps[len(t.steps)-1]
		t.steps = t.steps[:len(t.steps)-1]
		begun := time.Now()
		if err := last.undo(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", last.name, err))
		}
		t.log.Debug("stopped", "part", last.name, "took", time.Since(begun))
	}
	return errors.Join(errs...)
}
