package registry

import (
	"container/heap"
	"context"
	"sync"
	"sync/atomic"
)

// Await waits until the newest State is at index or beyond. It fails with the error of ctx where that ends before.
func (p *Publisher) Await(ctx context.Context, index uint64) error {
	if p.State().Index() >= index {
		return nil
	}
	w := &waiter{index: index, reached: make(chan struct{})}
	p.waiters.add(w)
	defer p.waiters.remove(w)
	if p.State().Index() >= index {
		return nil // Published before w was added, so nothing will release it.
	}
	select {
	case <-w.reached:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waiters are those who wait for an index, the lowest first, so that a new index meets only those it satisfies.
type waiters struct {
	// pending spares the publisher the lock while nobody waits. It hides no waiter: one sets pending and then looks at the
	// State again, the publisher posts the State and then looks at pending, so at least one of them sees the other.
	pending atomic.Bool

	mu    sync.Mutex
	queue waiterHeap
}

type waiter struct {
	index   uint64
	reached chan struct{} // closed when it is
	place   int           // in the queue, or notQueued
}

const notQueued = -1

func (s *waiters) add(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	heap.Push(&s.queue, w)
	s.pending.Store(true)
}

func (s *waiters) remove(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.place != notQueued {
		heap.Remove(&s.queue, w.place)
		s.pending.Store(len(s.queue) > 0)
	}
}

// release lets go of those who wait for index or less.
func (s *waiters) release(index uint64) {
	if !s.pending.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 && s.queue[0].index <= index {
		w := s.queue[0]
		heap.Pop(&s.queue)
		close(w.reached)
	}
	s.pending.Store(len(s.queue) > 0)
}
