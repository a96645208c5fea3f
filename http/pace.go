package http

import (
	"context"
	"time"
)

// How often a stream writes: as often as it can at first, and then at intervals. Whatever changes in between goes together,
// so a storm of changes costs a reader, however fast, no more than this.
const (
	paceInterval = 20 * time.Millisecond
	paceBurst    = 10
)

// pace spaces what one stream writes. Who has been quiet for a while may write a burst.
type pace struct {
	due time.Time // when the next write would be due if all that were made had kept the interval
}

// wait returns when the next write may begin, which is mostly at once, or when ctx ends.
func (p *pace) wait(ctx context.Context) {
	now := time.Now()
	if earliest := now.Add(-(paceBurst - 1) * paceInterval); p.due.Before(earliest) {
		p.due = earliest
	}
	due := p.due
	p.due = due.Add(paceInterval)
	if !due.After(now) {
		return
	}
	timer := time.NewTimer(due.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
