package breaker

// State says what a [Breaker] does with calls.
type State int8

// The states. A new breaker is closed.
const (
	Closed   State = iota // lets calls in and counts how they end
	Open                  // refuses calls until the open time is over
	HalfOpen              // lets a few probes in, and closes or opens again by how they end
)

// String is what hooks and logs show: "closed", "open" or "half-open".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case Open:
		return "open"
	case HalfOpen:
		return "half-open"
	default:
		return "unknown"
	}
}
