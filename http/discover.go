package http

import (
	"fmt"
	nethttp "net/http"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// discover lists the instances of a service that can be called, or those that the parameters ask for, at once or when the
// service has changed.
func (a *api) discover(w *answer, r *nethttp.Request) error {
	name, err := serviceName(r)
	if err != nil {
		return err
	}
	p := newParams(r)
	query := p.selection()
	query.Status = p.status()
	c, news := p.polled()
	if err := p.done(); err != nil {
		return err
	}
	state, err := a.viewNews(w, r, c, news, a.newsOf(name))
	if err != nil {
		return err
	}
	service := state.Service(name)
	if service == nil {
		return fmt.Errorf("%w: no instance of %q is registered", registry.ErrServiceNotFound, name)
	}
	if query.IsZero() {
		w.send(nethttp.StatusOK, wire.TypeJSON, service.Encoded(encodePlain))
		return nil
	}
	return w.json(nethttp.StatusOK, discovered(service, query))
}

// encodePlain is the answer to a plain discovery, which every caller gets alike: it is written once for a state of the
// service, however many ask.
func encodePlain(s *registry.Service) []byte {
	body, err := encode(discovered(s, registry.Query{}))
	if err != nil {
		panic(fmt.Sprintf("service %q can't be encoded: %v", s.Name(), err)) // it is made of strings and numbers
	}
	return body
}

func discovered(s *registry.Service, query registry.Query) wire.Discovered {
	return wire.Discovered{Index: s.Index(), Service: s.Name(), Instances: s.Select(query), Preserved: wire.PreservationOf(s)}
}
