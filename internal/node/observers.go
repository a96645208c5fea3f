package node

import (
	"iter"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/registry"
)

// observers tells several of what is applied, one after the other.
type observers []fsm.Observer

// Applied is described with [fsm.Observer].
func (all observers) Applied(changes iter.Seq[registry.Change]) {
	for _, o := range all {
		o.Applied(changes)
	}
}

// Replaced is described with [fsm.Observer].
func (all observers) Replaced(state *registry.State) {
	for _, o := range all {
		o.Replaced(state)
	}
}
