package cluster

import (
	"context"
	"sync"
)

// coalescer shares one round of a question among all who ask while the round before it is under way. Whoever asks gets
// the answer of a round that began after they asked.
type coalescer struct {
	life context.Context
	do   func(context.Context) (uint64, error)

	mu      sync.Mutex
	next    *round // gathers askers; nil if nobody asks
	running bool
	closed  bool
	wait    sync.WaitGroup
}

type round struct {
	done  chan struct{}
	index uint64
	err   error
}

func newCoalescer(life context.Context, do func(context.Context) (uint64, error)) *coalescer {
	return &coalescer{life: life, do: do}
}

// ask returns the answer of a round that begins after the call.
func (c *coalescer) ask(ctx context.Context) (uint64, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return 0, context.Canceled
	}
	if c.next == nil {
		c.next = &round{done: make(chan struct{})}
	}
	mine := c.next
	if !c.running {
		c.running = true
		c.wait.Go(c.run)
	}
	c.mu.Unlock()
	select {
	case <-mine.done:
		return mine.index, mine.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run does rounds as long as somebody asks.
func (c *coalescer) run() {
	for {
		c.mu.Lock()
		now := c.next
		c.next = nil
		if now == nil {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		now.index, now.err = c.do(c.life)
		close(now.done)
	}
}

// close waits for the round under way; life has ended before. Whoever asks later is refused.
func (c *coalescer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.wait.Wait()
}
