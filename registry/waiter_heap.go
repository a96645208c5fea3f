package registry

import "slices"

// waiterHeap is a [container/heap] of waiters by index, which tells each where it stands so that it can be taken out from
// the middle.
type waiterHeap []*waiter

func (h waiterHeap) Len() int           { return len(h) }
func (h waiterHeap) Less(i, j int) bool { return h[i].index < h[j].index }

func (h waiterHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push is called by package heap alone, with a *waiter.
func (h *waiterHeap) Push(x any) {
	w := x.(*waiter)
	w.place = len(*h)
	*h = append(*h, w)
}

// Pop is called by package heap alone.
func (h *waiterHeap) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	w.place = notQueued
	*h = slices.Delete(*h, last, last+1) // which also forgets the pointer
	return w
}
