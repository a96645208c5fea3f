package registry

import iradix "github.com/hashicorp/go-immutable-radix/v2"

// draft is a [Service] in the making.
type draft struct {
	index   uint64
	healthy int
	txn     *iradix.Txn[*Instance]
}

// newDraft begins with what base holds, which is nil where there is no such service yet.
func newDraft(base *Service) *draft {
	if base == nil {
		return &draft{txn: iradix.New[*Instance]().Txn()}
	}
	return &draft{index: base.index, healthy: base.healthy, txn: base.instances.Txn()}
}

func (d *draft) apply(c Change) {
	if c.Old != nil && c.Old.Discoverable() {
		d.healthy--
	}
	if c.New == nil {
		d.txn.Delete([]byte(c.Old.ID))
		return
	}
	if c.New.Discoverable() {
		d.healthy++
	}
	d.txn.Insert([]byte(c.New.ID), c.New)
}

func (d *draft) advance(index uint64) { d.index = max(d.index, index) }

// commit returns the service, or nil where its last instance has gone.
func (d *draft) commit(name string) *Service {
	instances := d.txn.CommitOnly()
	if instances.Len() == 0 {
		return nil
	}
	return &Service{name: name, index: d.index, healthy: d.healthy, instances: instances}
}
