package roster

import (
	"container/list"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster/internal/fault"
)

// Memory is for how long a watch that broke off is remembered. Whoever it belonged to may act on what it was told last for
// so long, and then either watches again or knows that it is behind.
const Memory = 30 * time.Second

// maxPlaces is how many places there are. A watch takes one for each service that it names, or a single one for all
// services, and keeps them until it has been forgotten.
const maxPlaces = 1 << 18

// ErrUnknown says that no watch with this id is under way on this node.
var ErrUnknown = errors.New("no such watch")

// Roster is the acknowledging watches of one node. Its methods may be called from many goroutines at once.
type Roster struct {
	since time.Time // it knows of all watches that broke off after that

	mu        sync.Mutex
	watches   map[string]*Watch    // those under way, by id
	audiences map[string]*audience // by service; [everything] is those who watch all
	absences  list.List            // of those that broke off, the first to be forgotten in front
	places    int
	waits     map[*wait]struct{}
}

// everything stands for all services among the names of services, none of which is empty.
const everything = ""

// New makes a roster without watches, for a node that started at a moment: what broke off before it can't know.
func New(since time.Time) *Roster {
	return &Roster{since: since, watches: map[string]*Watch{}, audiences: map[string]*audience{}, waits: map[*wait]struct{}{}}
}

// Join enters a watch of some services, or of all where none is named, under a name that its owner goes by on every node.
// It has to be entered before the first state is read that it is sent, or a wait might miss it. The name may be refused with
// a [registry.InvalidError], and any watch with [fault.ErrOverloaded].
func (r *Roster) Join(name string, services ...string) (*Watch, error) {
	if err := validName(name); err != nil {
		return nil, err
	}
	if len(services) == 0 {
		services = []string{everything}
	}
	services = slices.Compact(slices.Sorted(slices.Values(services)))
	w := &Watch{id: rand.Text(), name: name, services: services, roster: r, nudge: make(chan struct{}, 1)}

	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	if r.places+len(services) > maxPlaces {
		return nil, fmt.Errorf("%w: the acknowledging watches of this node, and those that just broke off, fill its %d places; "+
			"ask another node, or try again in a while", fault.ErrOverloaded, maxPlaces)
	}
	r.places += len(services)
	r.watches[w.id] = w
	for _, service := range services {
		r.audience(service).here[w] = struct{}{}
	}
	return w, nil
}

// Confirm notes that the owner of a watch has applied everything up to an index. That may come late and out of order.
// A watch that is not under way here is [ErrUnknown], an index that the watch was not sent [fault.ErrConflict].
func (r *Roster) Confirm(id string, index uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, ok := r.watches[id]
	if !ok {
		return unknown()
	}
	if index > w.sent {
		return fmt.Errorf("%w: index %d can't have been applied, since this watch was sent nothing beyond %d", fault.ErrConflict, index, w.sent)
	}
	if index > w.confirmed {
		w.confirmed = index
		r.release(w)
	}
	return nil
}

// End ends a watch for its owner, who acts on nothing any more that it was told: nobody need wait for it, nor for one of the
// same name that broke off on this node before. A watch that is not under way here is [ErrUnknown].
func (r *Roster) End(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	w, ok := r.watches[id]
	if !ok {
		return unknown()
	}
	w.leave((*Roster).farewell)
	return nil
}

func unknown() error {
	return fmt.Errorf("%w on this node: it may have broken off, or be another node's", ErrUnknown)
}

// audience is who watches a service, made where there was nobody.
func (r *Roster) audience(service string) *audience {
	a, ok := r.audiences[service]
	if !ok {
		a = &audience{here: map[*Watch]struct{}{}, gone: map[string]*absence{}}
		r.audiences[service] = a
	}
	return a
}
