package health

import "time"

// slots is how many ticks a turn of the wheel has. A deadline beyond it is looked at once a turn.
const slots = 1024

// wheel holds the leases by the tick at which somebody has to look at them. That may be too early and is never too late: a
// heartbeat moves the deadline of a lease but not the lease, which is put where it belongs when its tick comes. So a
// heartbeat costs nothing here, and a new leader's grant to all neither.
type wheel struct {
	next  int64 // the tick to be looked at next
	slots [slots]spoke
}

// spoke is a link of the ring that each slot is.
type spoke struct {
	before, after *spoke
	lease         *lease // nil in the head of the ring
}

// place puts a lease where it is looked at once the clock has reached a time.
func (w *wheel) place(l *lease, at time.Duration) {
	l.lift()
	if at == never {
		return
	}
	n := int64((at + Tick - 1) / Tick)
	n = min(max(n, w.next), w.next+slots-1)
	head := &w.slots[n%slots]
	if head.after == nil {
		head.before, head.after = head, head
	}
	l.lease, l.before, l.after = l, head.before, head
	l.before.after, l.after.before = &l.spoke, &l.spoke
}

// lift takes a lease off the wheel, should it be on it.
func (s *spoke) lift() {
	if s.after != nil {
		s.before.after, s.after.before = s.after, s.before
		s.before, s.after = nil, nil
	}
}

// first finds a lease to be looked at by a time, and nil once there is none. It leaves it where it is: whoever looks at it
// must place it elsewhere or lift it.
func (w *wheel) first(by time.Duration) *lease {
	for ; w.next <= int64(by/Tick); w.next++ {
		if head := &w.slots[w.next%slots]; head.after != nil && head.after != head {
			return head.after.lease
		}
	}
	return nil
}
