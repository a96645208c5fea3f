package store

import (
	"errors"
	"fmt"

	"github.com/musterhq/muster/internal/boltfile"
)

// The reasons for which a checkpoint can't be used. They come wrapped with what is wrong and in which file.
var (
	// ErrCorrupt: the file does not hold what was saved in it. It can be put aside; snapshot and log bring the state back.
	ErrCorrupt = errors.New("corrupt")

	// ErrNewerFormat: a later version of muster wrote the file, in a form that this one can't read.
	ErrNewerFormat = errors.New("of a newer format")

	// ErrInUse: another process, or another Checkpoint of this one, has the file open.
	ErrInUse = boltfile.ErrInUse
)

// corrupt makes an [ErrCorrupt] of an error that says what is wrong and where.
func corrupt(err error) error { return fmt.Errorf("%w: %w", ErrCorrupt, err) }

// guarded calls f, which uses bbolt, and makes an [ErrCorrupt] of whatever shows that the file is damaged.
func guarded(f func() error) error { return corruptIfDamaged(boltfile.Guard(f)) }

func corruptIfDamaged(err error) error {
	if damage, ok := errors.AsType[*boltfile.Damage](err); ok && !errors.Is(err, ErrCorrupt) {
		return corrupt(damage)
	}
	return err
}
