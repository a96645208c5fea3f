package cluster

import (
	"context"
	"fmt"
	"sync"

	"github.com/musterhq/muster/internal/fault"
)

// errStopping answers questions that come while this node stops.
var errStopping = fmt.Errorf("%w that can be asked: this node is stopping", fault.ErrNoLeader)

// coalescer shares one round of a question among all who ask while the round before it is under way. Whoever asks gets
// the answer of a round that began after they asked.
type coalescer[T any] struct {
	do func(context.Context) (T, error)

	mu     sync.Mutex
	next   *round[T]          // gathers askers; nil if nobody asks
	stop   context.CancelFunc // ends the rounds under way; nil if there is none
	closed bool
	wait   sync.WaitGroup
}

type round[T any] struct {
	done   chan struct{}
	answer T
	err    error
}

func newCoalescer[T any](do func(context.Context) (T, error)) *coalescer[T] {
	return &coalescer[T]{do: do}
}

// ask returns the answer of a round that begins after the call.
func (c *coalescer[T]) ask(ctx context.Context) (answer T, err error) {
	mine, err := c.join()
	if err != nil {
		return answer, err
	}
	select {
	case <-mine.done:
		return mine.answer, mine.err
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}

// join returns the round that gathers askers, and has rounds done if none is under way.
func (c *coalescer[T]) join() (*round[T], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errStopping
	}
	if c.next == nil {
		c.next = &round[T]{done: make(chan struct{})}
	}
	if c.stop == nil {
		// Not under the context of the one who happened to ask first: the others wait for the answer too.
		ctx, stop := context.WithCancel(context.Background())
		c.stop = stop
		c.wait.Go(func() { c.run(ctx) })
	}
	return c.next, nil
}

// run does rounds as long as somebody asks.
func (c *coalescer[T]) run(ctx context.Context) {
	for {
		now := c.begin()
		if now == nil {
			return
		}
		now.answer, now.err = c.do(ctx)
		close(now.done)
	}
}

// begin takes the round that has gathered askers, which gathers no more of them, or ends the rounds if there is none.
func (c *coalescer[T]) begin() *round[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.next
	c.next = nil
	if now == nil {
		c.stop()
		c.stop = nil
	}
	return now
}

// close ends the rounds under way and waits for them. Whoever asks later is refused.
func (c *coalescer[T]) close() {
	c.mu.Lock()
	c.closed = true
	if c.stop != nil {
		c.stop()
	}
	c.mu.Unlock()
	c.wait.Wait()
}
