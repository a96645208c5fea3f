package testcluster

import (
	"math/rand/v2"
	"sync"
	"time"
)

// untilChange is the wait of who has nothing to wait for but a change of the faults.
const untilChange time.Duration = -1

// conditions are the faults of both directions, and the news that they have changed. Everything under way waits here.
type conditions struct {
	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change
	to, from lane
}

func newConditions() *conditions {
	c := &conditions{changed: make(chan struct{})}
	c.seed(1)
	return c
}

// lane gives the lane of one direction, to be used under the lock.
func (c *conditions) lane(d Direction) *lane {
	if d == ToTarget {
		return &c.to
	}
	return &c.from
}

// change applies edit to the lanes of d, and has everyone who waits look again.
func (c *conditions) change(d Direction, edit func(*lane)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range []Direction{ToTarget, FromTarget} {
		if d&one != 0 {
			l := c.lane(one)
			edit(l)
			l.free = time.Time{}
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// read calls look with the lane of d under the lock, and changes nothing that anyone waits for.
func (c *conditions) read(d Direction, look func(*lane)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	look(c.lane(d))
}

// seed starts the random numbers of both directions anew.
func (c *conditions) seed(seed uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.to.rng = rand.New(rand.NewPCG(seed, uint64(ToTarget)))
	c.from.rng = rand.New(rand.NewPCG(seed, uint64(FromTarget)))
}

// await asks ready, under the lock, until it has no more to wait for: at once, after the time it names, and whenever
// the faults change. It returns false once done is closed.
func (c *conditions) await(done <-chan struct{}, d Direction, ready func(l *lane, now time.Time) time.Duration) bool {
	for {
		c.mu.Lock()
		wait := ready(c.lane(d), time.Now())
		changed := c.changed
		c.mu.Unlock()
		if wait == 0 {
			return true
		}
		var timeout <-chan time.Time
		if wait > 0 {
			timeout = time.After(wait)
		}
		select {
		case <-timeout:
		case <-changed:
		case <-done:
			return false
		}
	}
}
