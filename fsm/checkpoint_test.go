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
	takes time.Duration
}

func (c *fakeCheckpoint) Save(image store.Image) error {
	time.Sleep(c.takes)
	c.saved = append(c.saved, image.Index)
	return c.err
}

func TestTheCheckpointFollowsTheStateAtAnInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, checkpoint := newMachine(), &fakeCheckpoint{}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.KeepCheckpoint(ctx, checkpoint) }()

		index := uint64(0)
		for range 500 { // fifty seconds of writes
			index++
			mustApply(t, m, entryOf(index, writeOf(registerOp("orders", "i1", time.Now().String()))))
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(checkpoint.saved); n < 9 || n > 10 {
			t.Errorf("saved %d times in fifty seconds", n)
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

// In a storm of changes a checkpoint takes long, and the next one would take the time that the storm needs.
func TestACheckpointThatTookLongIsNotFollowedByAnotherSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, checkpoint := newMachine(), &fakeCheckpoint{takes: time.Second}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.KeepCheckpoint(ctx, checkpoint) }()
		for index := range uint64(600) { // a minute of writes
			mustApply(t, m, entryOf(index+1, writeOf(registerOp("orders", "i1", time.Now().String()))))
			time.Sleep(100 * time.Millisecond)
		}
		synctest.Wait()
		if n := len(checkpoint.saved); n < 2 || n > 3 {
			t.Errorf("saved %d times in a minute, a second each", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
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
