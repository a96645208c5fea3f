package health

import (
	"iter"
	"time"

	"github.com/musterhq/muster/registry"
)

// Applied takes in what entries of the log have changed. It must hear of every change in order, before those are answered
// who asked for it.
func (l *Leases) Applied(changes iter.Seq[registry.Change]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range changes {
		if c.New != nil && c.New.Lease != nil {
			l.put(c.New)
		} else {
			l.forget(c.Instance())
		}
	}
}

// Replaced takes in a state that is another one altogether. Leases that it shares with the last one go on.
func (l *Leases) Replaced(state *registry.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range l.leases {
		if i, err := state.Instance(of.instance.Service, of.instance.ID); err != nil || i.Lease == nil {
			l.forget(of.instance)
		}
	}
	for service := range state.Services() {
		for i := range service.Instances() {
			if i.Lease != nil {
				l.put(i)
			}
		}
	}
}

// put takes an instance with a lease as it stands now. The lease goes on as long as it is the same one, in the same state;
// otherwise another begins, or it begins to have been expired.
func (l *Leases) put(i *registry.Instance) {
	k := key{i.Service, i.ID}
	of := l.leases[k]
	if of == nil {
		of = &lease{}
		l.leases[k] = of
	} else if of.instance.LeaseIndex == i.LeaseIndex && of.instance.Expired == i.Expired {
		of.instance = i
		return
	}
	settled := of.pending(l.term)
	of.instance = i
	of.begin(l.now(), l.term)
	if i.Expired {
		of.expired = l.clock.world()
	}
	l.wheel.place(of, of.since+min(of.span(), time.Duration(i.Lease.TTL))) // a new leader may have something to do then
	if settled {
		l.settle()
	}
}

func (l *Leases) forget(i *registry.Instance) {
	k := key{i.Service, i.ID}
	of := l.leases[k]
	if of == nil {
		return
	}
	of.lift()
	delete(l.leases, k)
	if of.pending(l.term) {
		l.settle()
	}
}
