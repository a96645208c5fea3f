package consistency

import (
	"fmt"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/musterhq/muster/registry"
)

// Kind is what a call does.
type Kind uint8

// The kinds of calls.
const (
	Register Kind = iota
	Deregister
	Report // of the instance itself
	Read   // linearizable
)

func (k Kind) String() string { return [...]string{"register", "deregister", "report", "read"}[k] }

// Call is what a client asks of one instance.
type Call struct {
	Service, ID string
	Kind        Kind
	Version     string          // of a registration: which one it is
	Status      registry.Status // of a report
}

// Answer is what came of a call.
type Answer struct {
	Absent  bool // the instance is not there
	Version string
	Status  registry.Status

	unknown bool // nobody knows
}

// History is what clients did. Its methods may be called from many goroutines at once.
type History struct {
	began time.Time

	mu    sync.Mutex
	calls []porcupine.Operation
	open  []porcupine.Operation // their answers are not known, nor when they took effect
}

// NewHistory begins a history now.
func NewHistory() *History { return &History{began: time.Now()} }

// Now is the time on the history's clock.
func (h *History) Now() time.Duration { return time.Since(h.began) }

// Answered notes a call of a client, from when it began until now.
func (h *History) Answered(client int, began time.Duration, c Call, a Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, porcupine.Operation{
		ClientId: client, Input: c, Output: a, Call: int64(began), Return: int64(h.Now()),
	})
}

// Open notes a call that may have been applied, or may yet be. One that was certainly not applied need not be noted.
func (h *History) Open(client int, began time.Duration, c Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open = append(h.open, porcupine.Operation{ClientId: client, Input: c, Output: Answer{unknown: true}, Call: int64(began)})
}

// Len is how many calls were noted, and how many of them are open.
func (h *History) Len() (all, open int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.calls) + len(h.open), len(h.open)
}

// operations are all calls; those that are open end after all others.
func (h *History) operations() []porcupine.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := int64(h.Now()) + 1
	all := append([]porcupine.Operation(nil), h.calls...)
	for n, of := range h.open {
		of.Return = end
		of.ClientId = -1 - n // a client goes on, and does not wait for what it left open
		all = append(all, of)
	}
	return all
}

// Check tells whether the calls are linearizable. Where they are not, it draws a picture of the instance that they are about
// into a file, and names it; where there was not enough time to tell, that is an error too.
func (h *History) Check(patience time.Duration, picture string) error {
	result, info := porcupine.CheckOperationsVerbose(model, h.operations(), patience)
	switch result {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		if err := porcupine.VisualizePath(model, info, picture); err != nil {
			return fmt.Errorf("the calls are not linearizable, and no picture can be drawn: %w", err)
		}
		return fmt.Errorf("the calls are not linearizable: see %s", picture)
	default:
		return fmt.Errorf("%v were not enough to tell whether the calls are linearizable", patience)
	}
}
