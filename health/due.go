package health

import (
	"fmt"
	"time"

	"github.com/musterhq/muster/registry"
)

const (
	// looksAtOnce is how many leases are looked at before others get their turn at the lock, the log among them.
	looksAtOnce = 2048

	// overdue is after how long one looks again at a lease of which a proposal is under way. It tells nothing new, unless
	// the leadership has changed meanwhile.
	overdue = time.Second
)

// Due returns what is to be proposed now, in the term in which this node leads: operations that expire or reap leases,
// each on another instance. Fewer than limit say that nothing more is due. Each must go into a write of that term, and once
// that write is answered, [Leases.Settle] must hear of it. It wants to be asked every 50 ms.
func (l *Leases) Due(limit int) (term uint64, due []registry.Operation) {
	for more := true; more && len(due) < limit; {
		term, due, more = l.look(term, due, limit)
	}
	return term, due
}

// look looks at some leases whose tick has come, and says whether there may be more. In another term than that of what was
// found so far it stops.
func (l *Leases) look(term uint64, due []registry.Operation, limit int) (uint64, []registry.Operation, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.leading || term != 0 && term != l.term {
		return term, due, false
	}
	now := l.now()
	for range looksAtOnce {
		if len(due) == limit {
			return l.term, due, false
		}
		of := l.wheel.first(now)
		if of == nil {
			return l.term, due, false
		}
		switch deadline := l.deadline(of); {
		case of.term == l.term && of.underway:
			l.wheel.place(of, now+overdue)
		case deadline > now:
			l.wheel.place(of, deadline)
		case l.grace(of):
			l.wheel.place(of, l.deadline(of))
		default:
			due = append(due, l.propose(of))
			l.wheel.place(of, now+overdue)
		}
	}
	return l.term, due, true
}

// propose makes the operation on a lease whose deadline has come.
func (l *Leases) propose(of *lease) registry.Operation {
	cause := registry.Cause{Evidence: l.evidence(of), SeenBy: l.seenBy}
	if of.term != l.term {
		of.begin(l.deadline(of)-of.span(), l.term)
	}
	of.underway = true
	if of.instance.Expired {
		return registry.ReapInstance{LeaseName: of.name(), Cause: cause}
	}
	return registry.ExpireLease{LeaseName: of.name(), Cause: cause}
}

// evidence says why the deadline has come.
func (l *Leases) evidence(of *lease) string {
	terms := of.instance.Lease
	switch {
	case of.instance.Expired:
		return fmt.Sprintf("its lease ran out more than %s ago", terms.DeregisterAfter)
	case of.term != l.term:
		return fmt.Sprintf("no heartbeat for %s, since this node leads", terms.TTL)
	case of.graced:
		return fmt.Sprintf("no heartbeat for %s, since the node fell silent that took the last one", terms.TTL)
	default:
		return fmt.Sprintf("no heartbeat for %s", terms.TTL)
	}
}

// Settle tells that the write with what was due in a term is answered. Refused says that it was not applied and never will
// be, so that heartbeats may renew its leases again. Otherwise it was applied, of which the observer has heard; or its
// outcome is unknown: then its leases stay pending and are due again, until some write on them is applied.
func (l *Leases) Settle(term uint64, due []registry.Operation, refused bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if term != l.term {
		return
	}
	for _, op := range due {
		service, id := op.Target()
		of := l.leases[key{service, id}]
		if of == nil || of.term != term || !of.underway || of.name() != leaseOf(op) {
			continue // The log has decided.
		}
		of.underway = false
		of.doubted = of.doubted || !refused
		l.wheel.place(of, l.deadline(of))
	}
	l.settle()
}

// leaseOf says which lease an operation is about that was due.
func leaseOf(op registry.Operation) registry.LeaseName {
	switch op := op.(type) {
	case registry.ExpireLease:
		return op.LeaseName
	case registry.ReapInstance:
		return op.LeaseName
	default:
		return registry.LeaseName{}
	}
}
