package chaos

import (
	"sync"
	"time"
)

// progress is when writes were acknowledged. It is for any number of goroutines.
type progress struct {
	mu      sync.Mutex
	last    time.Time
	longest time.Duration // between two acknowledgements
	count   int
}

// resume begins to measure, or goes on after a time in which nobody wrote.
func (p *progress) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = time.Now()
}

func (p *progress) acknowledged() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.longest = max(p.longest, time.Since(p.last))
	p.last = time.Now()
	p.count++
}

func (p *progress) sum() (writes int, longest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.count, p.longest
}
