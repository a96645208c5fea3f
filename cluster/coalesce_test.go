package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/fault"
)

// question is somebody who asks, at a time after the beginning, and waits for so long at most.
type question struct{ at, patience time.Duration }

// asking is what became of a question. The turns count everything that happens, in order.
type asking struct {
	asked, answered uint64 // the turn of the question, and the one in which the round began whose answer it got
	err             error
	took            time.Duration
}

// askAll asks all the questions of a coalescer whose rounds take the given times, the last of them again and again.
func askAll(t *testing.T, questions []question, rounds []time.Duration) (askings []asking, done int) {
	t.Helper()
	askings = make([]asking, len(questions))
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var turn uint64
		next := func() uint64 {
			mu.Lock()
			defer mu.Unlock()
			turn++
			return turn
		}
		c := newCoalescer(func(context.Context) (uint64, error) {
			began := next()
			time.Sleep(rounds[min(done, len(rounds)-1)])
			done++
			return began, nil
		})
		var wait sync.WaitGroup
		for i, q := range questions {
			wait.Go(func() {
				time.Sleep(q.at)
				ctx, cancel := context.WithTimeout(t.Context(), q.patience)
				defer cancel()
				a, began := &askings[i], time.Now()
				a.asked = next()
				a.answered, a.err = c.ask(ctx)
				a.took = time.Since(began)
			})
		}
		wait.Wait()
		c.close()
	})
	return askings, done
}

func TestWhoeverAsksGetsARoundThatBeganAfterwards(t *testing.T) {
	t.Parallel()
	short := rapid.Custom(func(rt *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(0, 20).Draw(rt, "ms")) * time.Millisecond
	})
	rapid.Check(t, func(rt *rapid.T) {
		questions := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) question {
			return question{at: short.Draw(rt, "at"), patience: 1 + short.Draw(rt, "patience")*5}
		}), 1, 20).Draw(rt, "questions")
		rounds := rapid.SliceOfN(short, 1, 10).Draw(rt, "rounds")
		askings, done := askAll(t, questions, rounds)
		var longest time.Duration
		for _, r := range rounds {
			longest = max(longest, r)
		}
		for i, a := range askings {
			switch {
			case a.err == nil && a.answered <= a.asked:
				rt.Errorf("question %d, of turn %d, got the answer of a round that had begun in turn %d", i, a.asked, a.answered)
			case a.err == nil && a.took > 2*longest:
				rt.Errorf("question %d took %v, longer than the round under way and its own", i, a.took)
			case a.err != nil && (!errors.Is(a.err, context.DeadlineExceeded) || a.took != questions[i].patience):
				rt.Errorf("question %d failed after %v with %v", i, a.took, a.err)
			}
		}
		if done > len(questions) {
			rt.Errorf("%d rounds for %d questions", done, len(questions))
		}
	})
}

func TestThoseWhoWaitTogetherShareARound(t *testing.T) {
	t.Parallel()
	questions := []question{{0, time.Hour}}
	for i := range 100 { // all while the first round is under way
		questions = append(questions, question{time.Duration(1+i%9) * time.Millisecond, time.Hour})
	}
	_, done := askAll(t, questions, []time.Duration{10 * time.Millisecond})
	if done != 2 {
		t.Errorf("%d rounds, not 2", done)
	}
}

func TestWhoGivesUpTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	askings, _ := askAll(t, []question{{0, time.Millisecond}, {0, time.Hour}, {1, time.Millisecond}, {1, time.Hour}}, []time.Duration{time.Minute})
	for i, a := range askings {
		if gaveUp := i%2 == 0; (a.err != nil) != gaveUp {
			t.Errorf("question %d: %v", i, a.err)
		}
	}
}

func TestAnErrorIsSharedLikeAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		c := newCoalescer(func(context.Context) (uint64, error) { return 0, broken })
		for range 3 { // and the next round is tried all the same
			if _, err := c.ask(t.Context()); !errors.Is(err, broken) {
				t.Error(err)
			}
		}
		c.close()
	})
}

func TestAClosedCoalescerEndsItsRoundAndTakesNoQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rounds := 0
		c := newCoalescer(func(ctx context.Context) (uint64, error) {
			rounds++
			<-ctx.Done()
			time.Sleep(time.Second) // it takes a moment to end
			return 0, fmt.Errorf("round %d: %w", rounds, ctx.Err())
		})
		answers := make(chan error, 2)
		for range 2 { // one in the round, one who waits for the next
			go func() {
				_, err := c.ask(t.Context())
				answers <- err
			}()
			synctest.Wait()
		}
		began := time.Now()
		c.close()
		if took := time.Since(began); took < time.Second {
			t.Errorf("close did not wait for the rounds: %v", took)
		}
		for range 2 {
			if err := <-answers; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if _, err := c.ask(t.Context()); !errors.Is(err, errStopping) || !errors.Is(err, fault.ErrNoLeader) {
			t.Errorf("a question afterwards: %v", err)
		}
		if rounds > 2 {
			t.Errorf("%d rounds", rounds)
		}
		c.close() // nothing more to do
	})
}
