package registry

import "cmp"

// Deregister removes an instance. Where there is none it fails with [ErrInstanceNotFound], whatever its precondition says.
type Deregister struct {
	Service, ID string
	If          Precondition
}

// Target names the instance to remove.
func (d Deregister) Target() (service, id string) { return d.Service, d.ID }

// Validate tells whether the operation names an instance.
func (d Deregister) Validate() error {
	return cmp.Or(validateName("service", d.Service), validateName("id", d.ID), d.If.validate())
}

func (d Deregister) next(cur *Instance, _ uint64) (*Instance, error) {
	if cur == nil {
		return nil, instanceNotFound(d.Service, d.ID)
	}
	return nil, d.If.check(cur, d.Service, d.ID)
}
