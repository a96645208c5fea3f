package fsm

import "github.com/musterhq/muster/registry"

// Outcome is what became of a write that the log has decided.
type Outcome struct {
	Index   uint64            // of the log entry that decided it
	Results []registry.Result // one for each operation, in order
}
