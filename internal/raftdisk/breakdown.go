package raftdisk

import (
	"errors"
	"sync"
	"syscall"
)

// breakdown is the end of a node's storage: the first error after which nothing can be believed that is read from it or
// written to it. A write that failed is never tried again, since a disk that has failed to write something says so once
// and then forgets it. It may be used from many goroutines at once.
type breakdown struct {
	report func(error) // told once; must not wait

	mu    sync.Mutex
	first error
}

// of keeps an error, if it is the first one, and returns it. No error is none.
func (b *breakdown) of(err error) error {
	if err == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.first == nil {
		b.first = err
		b.report(err)
	}
	return err
}

// reason is the error that was kept, nil as long as there is none.
func (b *breakdown) reason() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.first
}

// happened tells whether there was an error.
func (b *breakdown) happened() bool { return b.reason() != nil }

// isFull tells whether an error is only that there is no room left.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
