package lb

import (
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/musterhq/muster/breaker"
)

// set is who may be chosen of a service, as worked out when something changed. It never changes itself; what is known of its
// instances does.
type set struct {
	rounds   *roundRobin // where taking turns is all there is to a choice, and its end says nothing; a short cut
	home     view
	zones    sync.Map // string to *view: other zones that were asked for
	members  []*node  // all that are healthy and of the subset, in the order of their ids
	err      error    // why there is nobody to choose; nil where there is somebody
	zoneView func(zone string) *view
}

// view is a set as seen from a zone.
type view struct {
	only picker // of near, where there is no far and somebody is in near; a short cut
	near *pool
	far  *pool  // everybody else; nil where there is nobody
	stay uint32 // of 2^32 calls, so many stay near, while there is a far
}

// fromElsewhere returns the view from a zone that a query names.
func (s *set) fromElsewhere(zone string) *view {
	if v, ok := s.zones.Load(zone); ok {
		return v.(*view)
	}
	v, _ := s.zones.LoadOrStore(zone, s.zoneView(zone))
	return v.(*view)
}

// pool is where this call is to choose.
func (v *view) pool() *pool {
	if v.far != nil && rand.Uint32() >= v.stay {
		return v.far
	}
	return v.near
}

// pick chooses one whose circuit breaker is closed; nil where there is none that was not tried.
func (v *view) pick(key string, tried *Tried, now time.Duration) *node {
	if v.only != nil {
		if n := v.only.pick(key, tried, now); n != nil {
			return n
		}
	}
	return v.search(key, tried, now)
}

// search is pick where the zone matters, or something was tried.
func (v *view) search(key string, tried *Tried, now time.Duration) *node {
	chosen := v.pool()
	if n := chosen.pick(key, tried, now); n != nil {
		return n
	}
	if v.far == nil {
		return nil
	}
	if chosen == v.far {
		return v.near.pick(key, tried, now)
	}
	return v.far.pick(key, tried, now)
}

// probe is an instance whose circuit breaker waits for a call to try it with; nil where there is none. It comes before all
// others: it has failed, and no strategy would choose it.
func (v *view) probe() *node {
	if n := v.near.probe(); n != nil || v.far == nil {
		return n
	}
	return v.far.probe()
}

func (p *pool) probe() *node {
	if len(p.probing) == 0 {
		return nil
	}
	return p.probing[rand.IntN(len(p.probing))]
}

// all yields everybody, those whose circuit breakers are open last.
func (v *view) all() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for _, p := range []*pool{v.near, v.far} {
			if p == nil {
				continue
			}
			for _, nodes := range [][]*node{p.nodes, p.probing, p.refused} {
				for _, n := range nodes {
					if !yield(n) {
						return
					}
				}
			}
		}
	}
}

// refusal is what the circuit breakers say where they let nobody through; nil where none is open.
func (v *view) refusal() error {
	for n := range v.all() {
		if n.breaker != nil && n.breaker.State() == breaker.Open {
			return &breaker.OpenError{Name: n.breaker.Name(), State: breaker.Open, Until: time.Now()}
		}
	}
	return nil
}
