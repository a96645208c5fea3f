package lb

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/musterhq/muster/breaker"
	"github.com/musterhq/muster/registry"
)

// enrol gives each instance its node: the one it had, where it is the same still. The caller holds the mutex.
func (s *Service) enrol(w *watch, instances []registry.Instance, well func(*registry.Instance) bool, now time.Duration) {
	nodes := make(map[string]*node, len(instances))
	healthy := make([]*node, 0, len(instances))
	for i := range instances {
		instance := &instances[i]
		id := idOf(instance)
		if nodes[id] != nil {
			continue
		}
		n := w.nodes[id]
		if n == nil || !sameInstance(n.instance.Load(), instance) {
			n = s.newNode(id)
		}
		n.instance.Store(instance)
		nodes[id] = n
		was := n.healthy
		n.healthy = well(instance)
		if !n.healthy {
			continue
		}
		if !was && w.known {
			s.warmUp(n, now)
		}
		healthy = append(healthy, n)
	}
	w.nodes = nodes
	w.members = subsetOf(healthy, s.settings.subset, s.settings.clientID)
	slices.SortFunc(w.members, func(a, b *node) int { return cmp.Compare(a.id, b.id) })
}

// rebuild works out who may be chosen now, and publishes it. The caller holds the mutex.
func (s *Service) rebuild(w *watch, now time.Duration) {
	s.judge(w, now)
	s.warming = false
	for _, n := range w.members {
		warmth := s.warmth(n, now)
		s.warming = s.warming || warmth < 1
		n.share.Store(math.Float64bits(weightOf(n.instance.Load()) * warmth))
	}
	candidates := s.candidates(w)
	next := &set{members: w.members, zoneView: func(zone string) *view {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.viewFrom(zone, candidates)
	}}
	if len(w.members) == 0 {
		next.err = w.nobody
	}
	if zone := s.settings.zone; zone == "" {
		next.home = *s.viewOfAll(candidates)
	} else {
		next.home = *s.viewFrom(zone, candidates)
	}
	if rounds, ok := next.home.only.(*roundRobin); ok && !s.ends {
		next.rounds = rounds
	}
	s.current.Store(next)
}

// candidates are those that are not ejected, or all where that would leave too few.
func (s *Service) candidates(w *watch) []*node {
	left, ejected := make([]*node, 0, len(w.members)), 0
	usable := 0
	for _, n := range w.members {
		if n.ejected {
			ejected++
			continue
		}
		left = append(left, n)
		if n.breaker == nil || n.breaker.State() != breaker.Open {
			usable++
		}
	}
	panicking := ejected > 0 && panics(usable, len(w.members), s.settings.panicBelow)
	if panicking != w.panicking {
		w.panicking = panicking
		kind := PanicEnded
		if panicking {
			kind = PanicBegan
		}
		w.tell(s.event(kind, "", ""))
	}
	if panicking {
		return w.members
	}
	return left
}

// newPool divides the nodes by what their circuit breakers say, and has the strategy prepare for those that are free.
func (s *Service) newPool(nodes []*node) *pool {
	p := &pool{nodes: nodes}
	if s.settings.breaker != nil {
		p.nodes = make([]*node, 0, len(nodes))
		for _, n := range nodes {
			switch n.breaker.State() {
			case breaker.Closed:
				p.nodes = append(p.nodes, n)
			case breaker.HalfOpen:
				p.probing = append(p.probing, n)
			case breaker.Open:
				p.refused = append(p.refused, n)
			}
		}
	}
	if len(p.nodes) > 0 {
		p.picker = s.strategy.picker(s, p.nodes)
	}
	return p
}
