package breaker

import (
	"sync"
	"time"
)

// Event tells of a change of a breaker's state.
type Event struct {
	Name     string // of the breaker
	From, To State
	Reason   Reason
	Counts   Counts        // those that the change was made by; zero where it was made by the clock
	At       time.Time     // when it happened
	OpenFor  time.Duration // how long calls are refused; 0 where the breaker did not open
}

// Reason says, in words for logs and labels, why a breaker changed its state.
type Reason string

// The reasons.
const (
	FailuresInARow  Reason = "failures in a row"
	TooManyFailures Reason = "failure rate"
	TooManySlow     Reason = "slow calls"
	OpenTimeOver    Reason = "open time over"
	ProbesSucceeded Reason = "probes succeeded"
	ProbesFailed    Reason = "probes failed"
	LeaseOver       Reason = "probe did not return"
)

// events passes the changes on to the hook: in order, one at a time, and outside every lock. Whoever finds the hook at
// work leaves his event to the one who runs it, so a hook may cause changes itself and a slow one holds up one goroutine
// only.
type events struct {
	hook func(Event) // nil: nobody wants to know

	mu      sync.Mutex
	waiting []Event
	busy    bool // somebody runs the hook
}

// add puts an event at the end of the queue. It is called with the breaker's mutex held, so that the order is that of the
// changes.
func (e *events) add(event Event) {
	if e.hook == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = append(e.waiting, event)
}

// deliver runs the hook for all that waits, unless somebody does so already. It is called without a lock. If the hook
// panics or ends its goroutine, the events behind are left to the next who delivers.
func (e *events) deliver() {
	if e.hook == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy {
		return
	}
	e.busy = true
	defer func() { e.busy = false }()
	for len(e.waiting) > 0 {
		event := e.waiting[0]
		e.waiting = e.waiting[1:]
		e.tell(event)
	}
}

// tell runs the hook without the lock, which it takes again however the hook ends.
func (e *events) tell(event Event) {
	e.mu.Unlock()
	defer e.mu.Lock()
	e.hook(event)
}
