package breaker

import (
	"testing"
	"time"
)

// Two calls may find a reason at once; the second one finds the period gone.
func TestAReasonThatIsFoundTwiceOpensOnce(t *testing.T) {
	opened := 0
	b := newBreaker(Config{ConsecutiveFailures: 1, OpenFor: time.Hour, OnStateChange: func(Event) { opened++ }})
	p := b.period.Load()
	p.inARow.Add(1)
	b.judge(p, b.now())
	b.judge(p, b.now())
	if opened != 1 {
		t.Errorf("the state changed %d times, want once", opened)
	}
}
