package registry_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/musterhq/muster/registry"
)

// at returns an empty State at an index.
func at(index uint64) *registry.State {
	edit := registry.NewState().Edit()
	edit.SetIndex(index)
	return edit.Commit()
}

func TestAwaitReturnsAtOnceWhatIsReached(t *testing.T) {
	p := registry.NewPublisher(at(5))
	ended, end := context.WithCancel(t.Context())
	end()
	for _, index := range []uint64{0, 4, 5} {
		if err := p.Await(ended, index); err != nil {
			t.Errorf("index %d: %v", index, err)
		}
	}
	if err := p.Await(ended, 6); !errors.Is(err, context.Canceled) {
		t.Errorf("index 6: %v", err)
	}
}

func TestAwaitWakesThoseWhoseIndexIsReachedAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := registry.NewPublisher(at(0))
		var mu sync.Mutex
		awake := map[uint64]bool{}
		for _, index := range []uint64{7, 3, 9, 1, 5, 3} {
			go func() {
				if err := p.Await(t.Context(), index); err != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				awake[index] = true
				if at := p.State().Index(); at < index {
					t.Errorf("who waited for %d sees %d", index, at)
				}
			}()
		}
		for _, step := range []struct {
			index uint64
			awake int
		}{{0, 0}, {1, 1}, {2, 1}, {4, 2}, {8, 4}, {8, 4}, {9, 5}} {
			synctest.Wait()
			p.Publish(at(step.index), nil)
			synctest.Wait()
			mu.Lock()
			if len(awake) != step.awake {
				t.Errorf("at %d: %v are awake, want %d", step.index, awake, step.awake)
			}
			mu.Unlock()
		}
	})
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := registry.NewPublisher(at(0))
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := p.Await(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("waited %v", waited)
		}
		p.Publish(at(1), nil) // and nobody is left to wake
	})
}

// TestAwaitLosesNobody has waiters come, give up and be served all at once.
func TestAwaitLosesNobody(t *testing.T) {
	defer goleak.VerifyNone(t)
	const last = 2_000
	p := registry.NewPublisher(at(0))
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for p.State().Index() < last {
				index := min(last, p.State().Index()+rand.Uint64N(20))
				ctx, cancel := context.WithCancel(t.Context())
				if rand.N(3) == 0 {
					go cancel()
				}
				if err := p.Await(ctx, index); err == nil && p.State().Index() < index {
					t.Errorf("woken for %d at %d", index, p.State().Index())
				}
				cancel()
			}
		})
	}
	for index := range uint64(last) {
		p.Publish(at(index+1), nil)
	}
	wg.Wait()
}

// TestAwaitMeetsAPublishAtTheSameMoment has one waiter and one publisher start together again and again, for the moment
// between looking at the State and waiting for the next. A waiter that is missed there has nothing more to hope for.
func TestAwaitMeetsAPublishAtTheSameMoment(t *testing.T) {
	const rounds = 20_000
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := registry.NewPublisher(at(0))
	start := make(chan uint64)
	var wg sync.WaitGroup
	wg.Go(func() {
		for index := range start {
			p.Publish(at(index), nil)
		}
	})
	for index := range uint64(rounds) {
		start <- index + 1
		if err := p.Await(ctx, index+1); err != nil {
			t.Errorf("round %d: %v", index, err)
			break
		}
	}
	close(start)
	wg.Wait()
}
