package health

import "github.com/musterhq/muster/registry"

// Outcome is what became of a heartbeat.
type Outcome uint8

// The outcomes. The zero one is that of a heartbeat which was not looked at yet.
const (
	// Renewed: the lease has its full time from now on. It may be acknowledged once the leadership is confirmed.
	Renewed Outcome = iota + 1

	// Unknown: there is no such lease. The state tells whether the instance is unknown too or does without.
	Unknown

	// Expired: the lease has run out. Once Revival is applied, the heartbeat is to be put again.
	Expired

	// Pending: an operation on the lease was proposed, and may take effect or not. Once that is settled, the heartbeat is
	// to be put again.
	Pending
)

// Beat is a heartbeat for one instance, and what became of it.
type Beat struct {
	Service, ID string

	Outcome Outcome
	Lease   registry.LeaseName // the one that has Expired
}

// Revival is the operation that revives a lease which has expired, and the node that the heartbeat came to.
func (b Beat) Revival(via string) registry.ReviveLease {
	return registry.ReviveLease{LeaseName: b.Lease, Cause: registry.Cause{Evidence: "a heartbeat came", SeenBy: []string{via}}}
}

// Beat notes heartbeats that came through a node, and writes down in each what became of it. It returns the term in which
// this node leads, 0 where it does not, and nothing was noted. Where a lease is pending, settled is closed as soon as one
// may be so no more, or the leadership ends.
//
// A heartbeat that Renewed must not be acknowledged before a majority has confirmed, by a round that began after Beat had
// returned, that this node leads, and its term, looked at after the round, is still the one returned. Before that another
// leader may have let the lease run out.
func (l *Leases) Beat(via string, beats []Beat) (term uint64, settled <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.leading {
		return 0, nil
	}
	now, from := l.now(), l.node(via)
	pending := false
	for i := range beats {
		b := &beats[i]
		switch of := l.leases[key{b.Service, b.ID}]; {
		case of == nil:
			b.Outcome = Unknown
		case of.pending(l.term) && !l.unfenced.pending:
			b.Outcome, pending = Pending, true
		case of.instance.Expired:
			b.Outcome, b.Lease = Expired, of.name()
		default:
			of.begin(now, l.term)
			of.via = from
			b.Outcome = Renewed
		}
	}
	if pending && l.settled == nil {
		l.settled = make(chan struct{})
	}
	if pending {
		settled = l.settled
	}
	return l.term, settled
}
