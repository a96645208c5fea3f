package http

import (
	nethttp "net/http"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// putInstance registers or replaces the instance that the path names.
func (a *api) putInstance(w *answer, r *nethttp.Request) error {
	service, id, err := instanceName(r)
	if err != nil {
		return err
	}
	return a.register(w, r, service, id)
}

// postInstance registers an instance under the id of its body, or under the default one.
func (a *api) postInstance(w *answer, r *nethttp.Request) error {
	service, err := serviceName(r)
	if err != nil {
		return err
	}
	return a.register(w, r, service, "")
}

// register registers the instance in the body as service and, unless it is "", as id.
func (a *api) register(w *answer, r *nethttp.Request, service, id string) error {
	if err := noParams(r); err != nil {
		return err
	}
	condition, err := precondition(r)
	if err != nil {
		return err
	}
	var doc registry.Instance
	if err := decode(r, &doc); err != nil {
		return err
	}
	if err := agree("service", &doc.Service, service); err != nil {
		return err
	}
	if id != "" {
		if err := agree("id", &doc.ID, id); err != nil {
			return err
		}
	}
	op := registry.Register{Instance: doc.Normalize(), If: condition}
	if err := op.Validate(); err != nil {
		return err
	}
	outcome, err := a.submit(w, r, op)
	if err != nil {
		return err
	}
	result := outcome.Results[0]
	h := w.Header()
	h.Set(wire.HeaderDigest, record.Digest(result.Instance))
	if !result.Created {
		return w.json(nethttp.StatusOK, result.Instance)
	}
	h.Set("Location", wire.PathInstance(result.Instance.Service, result.Instance.ID))
	return w.json(nethttp.StatusCreated, result.Instance)
}

// agree fills a name of the body in from the path, and refuses another one: which of them was meant would be a guess.
func agree(field string, name *string, path string) error {
	if *name != "" && *name != path {
		return invalid(field, "is %q in the body and %q in the path", *name, path)
	}
	*name = path
	return nil
}

// viewFor is view for a read about the instance that the path names, with the parameters of consistency and no others.
func (a *api) viewFor(w *answer, r *nethttp.Request) (state *registry.State, service, id string, err error) {
	if service, id, err = instanceName(r); err != nil {
		return nil, "", "", err
	}
	p := newParams(r)
	c := p.consistency()
	if err := p.done(); err != nil {
		return nil, "", "", err
	}
	state, err = a.view(w, r, c)
	return state, service, id, err
}

// getInstance shows one instance, whatever its status.
func (a *api) getInstance(w *answer, r *nethttp.Request) error {
	state, service, id, err := a.viewFor(w, r)
	if err != nil {
		return err
	}
	instance, err := state.Instance(service, id)
	if err != nil {
		return err
	}
	return w.json(nethttp.StatusOK, instance)
}

// deleteInstance deregisters the instance that the path names, and waits, if it is asked to, for those who watch.
func (a *api) deleteInstance(w *answer, r *nethttp.Request) error {
	service, id, err := instanceName(r)
	if err != nil {
		return err
	}
	p := newParams(r)
	drain := p.drain()
	if err := p.done(); err != nil {
		return err
	}
	if err := unconditional(r, ifNoneMatch); err != nil {
		return err
	}
	condition, err := precondition(r)
	if err != nil {
		return err
	}
	op := registry.Deregister{Service: service, ID: id, If: condition}
	if err := op.Validate(); err != nil {
		return err
	}
	outcome, err := a.submit(w, r, op)
	if err != nil {
		return err
	}
	answer := wire.Deregistered{Index: outcome.Index}
	if drain > 0 {
		answer.Drained = a.awaitDrain(w, r, service, outcome.Index, drain)
	}
	return w.json(nethttp.StatusOK, answer)
}
