package mesh

import (
	"sync"
	"time"
)

// parts is how many parts a tally's window has: what is forgotten goes a part at a time.
const parts = 10

// counts is what a tally sums up.
type counts struct {
	first, second, third int
}

func (c *counts) add(d counts) {
	c.first += d.first
	c.second += d.second
	c.third += d.third
}

// tally counts three things over a window of time that moves on. It is safe for concurrent use.
type tally struct {
	slice time.Duration // how long one of the parts is
	born  time.Time     // time is read as the distance from here, which costs less than a time of day

	mu     sync.Mutex
	filled [parts]counts
	sum    counts // of all parts
	now    int64  // the slice that is being filled, counted from born
}

func newTally(window time.Duration) *tally {
	return &tally{slice: max(window/parts, 1), born: time.Now()}
}

// decide has what is counted now looked at and added to in one step.
func (t *tally) decide(f func(now counts) (add counts)) {
	at := int64(time.Since(t.born) / t.slice)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.advance(at)
	t.put(f(t.sum))
}

// add counts what happened now.
func (t *tally) add(d counts) {
	at := int64(time.Since(t.born) / t.slice)
	t.mu.Lock()
	t.advance(at)
	t.put(d)
	t.mu.Unlock()
}

func (t *tally) put(d counts) {
	t.filled[t.now%parts].add(d)
	t.sum.add(d)
}

// advance forgets the parts that the window has left behind. The caller holds the mutex.
func (t *tally) advance(at int64) {
	if at-t.now >= parts { // all of them, however many windows ago
		t.filled, t.sum, t.now = [parts]counts{}, counts{}, at
		return
	}
	for t.now < at {
		t.now++
		p := &t.filled[t.now%parts]
		t.sum.add(counts{-p.first, -p.second, -p.third})
		*p = counts{}
	}
}
