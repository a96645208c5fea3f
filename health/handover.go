package health

import (
	"time"

	"github.com/musterhq/muster/registry"
)

// Age is for how long a lease has run with the last leader, up to the end of its leadership.
type Age struct {
	Lease registry.LeaseName
	Age   time.Duration
	Via   string // the node that took its last heartbeat; empty where this leader had none, or has given a grace for it
}

// HandOver tells the leader of a term the ages of all running leases, should this node have led in the term just before
// and be reachable still. It ends that leadership, if that has not been noticed here: a heartbeat that this node has not
// noted by then it will never acknowledge. ok is false where it has nothing to tell.
//
// Nobody but a leader may ask, and only in its own term.
func (l *Leases) HandOver(to uint64) (ages []Age, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.term == 0 || to != l.term+1 && !(l.unfenced.inherit && to > l.term) {
		return nil, false
	}
	l.follow()
	l.handedOver = true
	ages = make([]Age, 0, len(l.leases))
	for _, of := range l.leases {
		if of.instance.Expired {
			continue
		}
		since := l.deadline(of) - time.Duration(of.instance.Lease.TTL)
		age := Age{Lease: of.name(), Age: l.clock.at - since}
		if of.term == l.term && of.via != nil {
			age.Via = of.via.name
		}
		ages = append(ages, age)
	}
	return ages, true
}

// TakeOver has leases run on that the leader of the term before has told the ages of, where this one has heard nothing of
// them by itself, instead of granting them their full time. It does nothing outside the term.
//
// What passes between the end of the last leadership and this call counts for no lease, as if the leader had been paused:
// the sooner it comes, the better. The last leader may have noticed its end later than this one its beginning, so nothing
// can be counted from there.
func (l *Leases) TakeOver(term uint64, ages []Age) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.leading || term != l.term {
		return
	}
	now := l.now()
	for _, age := range ages {
		of := l.leases[key{age.Lease.Service, age.Lease.ID}]
		if of == nil || of.term == l.term || of.instance.Expired || of.name() != age.Lease {
			continue
		}
		of.begin(min(now-age.Age, l.granted.at), l.term)
		if age.Via != "" {
			of.via = l.node(age.Via)
		}
		l.wheel.place(of, l.deadline(of))
	}
}
