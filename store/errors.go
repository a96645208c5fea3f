package store

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// The reasons for which a checkpoint can't be used. They come wrapped with what is wrong and in which file.
var (
	// ErrCorrupt: the file does not hold what was saved in it. It can be put aside; snapshot and log bring the state back.
	ErrCorrupt = errors.New("corrupt")

	// ErrNewerFormat: a later version of muster wrote the file, in a form that this one can't read.
	ErrNewerFormat = errors.New("of a newer format")

	// ErrInUse: another process, or another Checkpoint of this one, has the file open.
	ErrInUse = errors.New("in use by another process")
)

// corrupt makes an [ErrCorrupt] of an error that says what is wrong and where.
func corrupt(err error) error { return fmt.Errorf("%w: %w", ErrCorrupt, err) }

// guarded calls f and makes an [ErrCorrupt] of a panic, and of a fault in the memory that bbolt maps the file into: that is
// how a page that is damaged, that the disk can't deliver, or that is no longer there shows itself.
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // of this goroutine alone
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = corrupt(errors.New("a part of it can't be read: the disk has failed, or the file was cut while it was open"))
		default:
			err = corrupt(fmt.Errorf("%v", reason))
		}
	}()
	return f()
}
