package fsm

import (
	"iter"

	"github.com/musterhq/muster/registry"
)

// Observer hears of all that a [Machine] does to the state, in order. It is called while entries are applied and before their
// writers are answered, on one goroutine at a time, and holds up the log for as long as it takes.
type Observer interface {
	// Applied tells what entries have changed, also what watchers do not hear of.
	Applied(changes iter.Seq[registry.Change])

	// Replaced says that the state is another one altogether: a snapshot's, or one that was fetched or restored.
	Replaced(state *registry.State)
}

// Observe has o hear of what is applied from now on. It must be called before Raft begins.
func (m *Machine) Observe(o Observer) { m.observer = o }

// nobody observes.
type nobody struct{}

func (nobody) Applied(iter.Seq[registry.Change]) {}
func (nobody) Replaced(*registry.State)          {}
