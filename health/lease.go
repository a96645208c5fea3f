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

	// expired is when this node, leading or not, saw the state have it as expired; on the clock of the world.
	expired time.Duration

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

// span is how long the lease runs or, where it has run out, its instance waits to be reaped.
func (l *lease) span() time.Duration {
	terms := l.instance.Lease
	switch {
	case !l.instance.Expired:
		return time.Duration(terms.TTL)
	case terms.DeregisterAfter > 0:
		return time.Duration(terms.DeregisterAfter)
	default:
		return never
	}
}

// deadline is when the span is over. A leader that has heard nothing of a lease grants it the whole span from the beginning
// of its leadership. An instance waits to be reaped whoever leads; but lately nobody may have taken heartbeats, so a new
// leader leaves time for one to come.
func (l *lease) deadline(term uint64, granted grant) time.Duration {
	span := l.span()
	switch {
	case span == never:
		return never
	case l.term == term:
		return l.since + span
	case l.instance.Expired:
		return granted.at + max(span-(granted.world-l.expired), min(span, time.Duration(l.instance.Lease.TTL)))
	default:
		return granted.at + span
	}
}
