package wire

import "time"

// ParamDrain is how long a deregistration waits for those who watch the service to confirm it: more than nothing, and
// [MaxDrain] at most.
const (
	ParamDrain = "drain"
	MaxDrain   = time.Minute
)

// Drained is the part of [Deregistered] that says who has confirmed the deregistration when the wait was over.
type Drained struct {
	Confirmed   int      `json:"confirmed"`   // acknowledging watches
	Unconfirmed []string `json:"unconfirmed"` // the names of watches, and "node:LABEL" for nodes that can't tell; never nil
}

// Acknowledgement is the body of POST /v1/watch/{id}/ack: everything up to the index has been applied. It is a pointer
// since it must be said.
type Acknowledgement struct {
	Index *uint64 `json:"index"`
}
