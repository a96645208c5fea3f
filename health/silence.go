package health

import "time"

// node is one that has passed heartbeats on.
type node struct {
	name   string
	silent time.Duration // when it last fell silent
	term   uint64        // in which leadership; 0 if never
}

// NodeSilent tells that a node does not answer any more. Clients that sent their heartbeats there have to find another
// one: a lease of which it took the last heartbeat runs for its full time from now, should it run out otherwise. That it
// answers again takes nothing back, and need not be told. A node that does not lead does not listen.
func (l *Leases) NodeSilent(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.node(name); l.leading {
		n.silent, n.term = l.now(), l.term
	}
}

// node finds the node with a name, which may be new.
func (l *Leases) node(name string) *node {
	n := l.nodes[name]
	if n == nil {
		n = &node{name: name}
		l.nodes[name] = n
	}
	return n
}

// grace gives a lease that would run out now the time from when the node with its last heartbeat fell silent, if it has
// done so since. A lease gets that once: nothing that flaps keeps a dead process alive.
func (l *Leases) grace(of *lease) bool {
	if of.term != l.term || of.instance.Expired || of.doubted || l.unfenced.grace {
		return false
	}
	if of.via == nil || of.via.term != l.term || of.via.silent <= of.since {
		return false
	}
	of.since, of.via, of.graced = of.via.silent, nil, true
	return true
}
