package health

import (
	"time"

	"github.com/musterhq/muster/registry"
)

// lease is one lease that the state holds.
type lease struct {
	instance *registry.Instance // as it stands; its lease has neither gone nor been replaced
	spoke                       // where it waits for its deadline

	// since is when the lease was renewed, began or, once the state has it as expired, was seen to be: on the clock of
	// the leases, in the leadership of term. In a later leadership it means nothing, and neither do the fields below.
	since time.Duration
	term  uint64

	via *node // that passed the last heartbeat on; nil where none came, or where the grace for it is spent

	// An operation on the lease was proposed and is not answered yet; or one was whose outcome nobody knows. With either,
	// the lease is neither renewed nor revived: what was proposed may take effect at any time.
	underway, doubted bool

	graced bool // since is when via fell silent
}

// name says which lease it is.
func (l *lease) name() registry.LeaseName {
	return registry.LeaseName{Service: l.instance.Service, ID: l.instance.ID, Index: l.instance.LeaseIndex}
}

// begin has the lease run, or its instance wait to be reaped, from a time in a leadership on.
func (l *lease) begin(since time.Duration, term uint64) {
	l.since, l.term, l.via = since, term, nil
	l.underway, l.doubted, l.graced = false, false, false
}

// pending tells whether something was proposed in the leadership of term that may yet take effect.
func (l *lease) pending(term uint64) bool { return l.term == term && (l.underway || l.doubted) }

// never is the deadline of an instance that is not to be reaped.
const never = time.Duration(1<<63 - 1)

// deadline is when the lease runs out or, where it has, when its instance is to be reaped. A leader that has heard nothing
// of a lease grants it the whole time from the beginning of its leadership.
func (l *lease) deadline(term uint64, granted time.Duration) time.Duration {
	since := l.since
	if l.term != term {
		since = granted
	}
	terms := l.instance.Lease
	switch {
	case !l.instance.Expired:
		return since + time.Duration(terms.TTL)
	case terms.DeregisterAfter > 0:
		return since + time.Duration(terms.DeregisterAfter)
	default:
		return never
	}
}
