package registry

import iradix "github.com/hashicorp/go-immutable-radix/v2"

// draft is a [Service] in the making.
type draft struct {
	index   uint64
	healthy int
	count   int // of the instances

	preserved int

	txn   *iradix.Txn[*Instance]
	trail trail[former]
}

// newDraft begins with what base holds, which is nil where there is no such service and the State knows that there was none
// since its floor.
func newDraft(base *Service, floor uint64) *draft {
	if base == nil {
		return &draft{txn: iradix.New[*Instance]().Txn(), trail: trail[former]{floor: floor}}
	}
	return &draft{index: base.index, healthy: base.healthy, count: base.Len(), preserved: base.preserved, txn: base.instances.Txn(), trail: base.trail}
}

func (d *draft) apply(c Change) {
	switch {
	case c.Old == nil:
		d.count++
	case c.New == nil:
		d.count--
	}
	if c.Old != nil && c.Old.Discoverable() {
		d.healthy--
	}
	if c.Old != nil && c.Old.Preserved() {
		d.preserved--
	}
	if c.New == nil {
		d.txn.Delete([]byte(c.Old.ID))
		return
	}
	if c.New.Discoverable() {
		d.healthy++
	}
	if c.New.Preserved() {
		d.preserved++
	}
	d.txn.Insert([]byte(c.New.ID), c.New)
}

func (d *draft) advance(index uint64) { d.index = max(d.index, index) }

// remember adds a change to the trail.
func (d *draft) remember(c Change, full room) {
	was := former{id: c.Instance().ID, was: c.Old}
	d.trail = d.trail.with(d.index, was, was.weight(), full)
}

// forget begins the trail anew: what the service was before its index is not known.
func (d *draft) forget() { d.trail = trail[former]{floor: d.index} }

// commit returns the service, which is empty where its last instance has gone.
func (d *draft) commit(name string) *Service {
	return &Service{
		name: name, index: d.index, healthy: d.healthy, preserved: d.preserved,
		instances: d.txn.CommitOnly(), trail: d.trail,
	}
}
