package roster

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"
)

// Standing is how the watches of one service on one node stand to an index. Names are sorted, each once.
type Standing struct {
	Confirmed int      `json:"confirmed"`         // watches that have confirmed it, or a later one
	Pending   []string `json:"pending,omitempty"` // the names of those under way that have not
	Lost      []string `json:"lost,omitempty"`    // the names of those that broke off, and have confirmed it in no other watch here
	Found     []string `json:"found,omitempty"`   // of the names that were sought, those that have confirmed it here
	Young     bool     `json:"young,omitempty"`   // the node has just started: of those lost before it can't know
}

// Settled tells whether nobody is left to wait for.
func (s Standing) Settled() bool { return len(s.Pending)+len(s.Lost) == 0 && !s.Young }

// Standing nudges the watches of a service that have not confirmed an index, waits until all of those have or are gone, or
// until ctx ends, and says how the watches stand then. The node must have applied the index. For those whose
// watches broke off elsewhere it also seeks names.
func (r *Roster) Standing(ctx context.Context, service string, index uint64, sought []string) Standing {
	r.wait(ctx, service, index)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forget()
	s := Standing{Young: time.Since(r.since) < Memory}
	confirmed, pending, lost := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for w := range r.here(service) {
		if w.confirmed >= index {
			s.Confirmed++
			confirmed[w.name] = true
		} else {
			pending[w.name] = true
		}
	}
	for a := range r.gone(service) {
		switch {
		case a.confirmed < index:
			lost[a.name] = true
		case !confirmed[a.name]:
			s.Confirmed++
			confirmed[a.name] = true
		}
	}
	maps.DeleteFunc(lost, func(name string, _ bool) bool { return confirmed[name] })
	s.Pending, s.Lost = slices.Sorted(maps.Keys(pending)), slices.Sorted(maps.Keys(lost))
	for _, name := range sought {
		if confirmed[name] {
			s.Found = append(s.Found, name)
		}
	}
	return s
}

// here is the watches under way of a service, those of all services included.
func (r *Roster) here(service string) iter.Seq[*Watch] {
	return func(yield func(*Watch) bool) {
		for _, of := range []string{service, everything} {
			if a, ok := r.audiences[of]; ok {
				for w := range a.here {
					if !yield(w) {
						return
					}
				}
			}
		}
	}
}

// gone is those that broke off, alike.
func (r *Roster) gone(service string) iter.Seq[*absence] {
	return func(yield func(*absence) bool) {
		for _, of := range []string{service, everything} {
			if a, ok := r.audiences[of]; ok {
				for _, absent := range a.gone {
					if !yield(absent) {
						return
					}
				}
			}
		}
	}
}
