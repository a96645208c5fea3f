package boltfile

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrInUse says that another process has the file open, or another part of this one.
var ErrInUse = errors.New("in use by another process")

// Damage is the error of a file whose content can't be what was written into it. It says what is wrong and, where the
// structure of the file is, on which page.
type Damage struct{ reason string }

func (d *Damage) Error() string { return d.reason }

// Guard calls f and makes a [Damage] of a panic, and of a fault in the memory that bbolt maps the file into: that is how a
// page that is damaged, that the disk can't deliver, or that is no longer there shows itself. A bbolt that has panicked
// while it wrote may hold its own locks for ever: nothing more can be done with it, not even to close it.
func Guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // of this goroutine alone
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = &Damage{"a part of it can't be read: the disk has failed, or the file was cut while it was open"}
		default:
			err = &Damage{fmt.Sprint(reason)}
		}
	}()
	return f()
}
