package lb

import "time"

// Event tells of a change in what a balancer does, see [WithOnChange].
type Event struct {
	Kind     Kind
	Service  string
	Instance string        // id; empty where the event is about the service
	Reason   string        // in words, for logs and labels
	At       time.Time     // when it happened
	For      time.Duration // how long it will last, where that is known
}

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	WasEjected   Kind = "ejected"        // an instance is left out for a while
	WasReturned  Kind = "returned"       // and may be chosen again
	BreakerMoved Kind = "breaker"        // the circuit breaker of an instance changed its state; Reason is the new one
	PanicBegan   Kind = "panic began"    // too few are left, so ejections are disregarded
	PanicEnded   Kind = "panic ended"    // and count again
	SourceFailed Kind = "source failed"  // the set may be out of date; Reason is the error
	SourceBack   Kind = "source is back" // and is told again
)
