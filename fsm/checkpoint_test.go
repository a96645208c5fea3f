package fsm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/store"
)

// fakeCheckpoint remembers what was saved, and when.
type fakeCheckpoint struct {
	saved []uint64
	err   error
}

func (c *fakeCheckpoint) Save(image store.Image) error {
	c.saved = append(c.saved, image.Index)
	return c.err
}

func TestTheCheckpointFollowsTheStateAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, checkpoint := newMachine(), &fakeCheckpoint{}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.KeepCheckpoint(ctx, checkpoint) }()

		index := uint64(0)
		for range 100 { // ten seconds of writes
			index++
			mustApply(t, m, entryOf(index, writeOf(registerOp("orders", "i1", time.Now().String()))))
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(checkpoint.saved); n < 9 || n > 10 {
			t.Errorf("saved %d times in ten seconds", n)
		}
		time.Sleep(time.Hour) // of nothing
		synctest.Wait()
		if n := len(checkpoint.saved); n > 11 {
			t.Errorf("saved %d times, most of them without a change", n)
		}
		index++
		mustApply(t, m, entryOf(index, writeOf(registerOp("orders", "last", "1"))))
		stop()
		if err := <-done; err != nil || checkpoint.saved[len(checkpoint.saved)-1] != index {
			t.Errorf("at the end: error %v, saved %v", err, checkpoint.saved)
		}
	})
}

func TestACheckpointThatCannotBeWrittenIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, checkpoint := newMachine(), &fakeCheckpoint{err: errors.New("input/output error")}
		done := make(chan error)
		go func() { done <- m.KeepCheckpoint(t.Context(), checkpoint) }()
		mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
		if err := <-done; !errors.Is(err, checkpoint.err) || len(checkpoint.saved) != 1 {
			t.Errorf("error %v after %d tries", err, len(checkpoint.saved))
		}
	})
}
