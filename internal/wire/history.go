package wire

import "time"

// History answers GET .../history of an instance.
type History struct {
	Transitions []Transition `json:"transitions"` // the newest first
}

// Transition is how an instance came to look otherwise: From and To are "absent", "healthy", "unhealthy", "unknown" or
// "maintenance".
type Transition struct {
	Index uint64    `json:"index"`
	Time  time.Time `json:"time"` // by the clock of the leader that had it decided
	From  string    `json:"from"`
	To    string    `json:"to"`
	Cause Cause     `json:"cause"`
}

// Cause is why a transition came about.
type Cause struct {
	Rule     string   `json:"rule"`     // such as "registered" or "lease_expired"
	Evidence string   `json:"evidence"` // in the words of who said so, cut off where they are many; empty where nothing was said
	SeenBy   []string `json:"seen_by"`  // the nodes that saw it; none where a client said so
	Term     uint64   `json:"term"`     // of the leader that had it decided
}
