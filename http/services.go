package http

import (
	nethttp "net/http"
	"slices"

	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// listServices shows every service in numbers. With parameters it shows those services that have instances which match,
// in the numbers of these instances, whatever their status.
func (a *api) listServices(w *answer, r *nethttp.Request) error {
	p := newParams(r)
	query := p.selection()
	c, news := p.polled()
	if err := p.done(); err != nil {
		return err
	}
	state, err := a.viewNews(w, r, c, news, a.newsOfAll)
	if err != nil {
		return err
	}
	list := wire.Services{Index: state.Index(), Services: []wire.Service{}}
	whole := query.IsZero()
	query.Status = registry.StatusAny
	for s := range state.Services() {
		line := summary(s)
		if !whole {
			line = summaryOf(s, s.Select(query))
		}
		if line.Instances > 0 {
			list.Services = append(list.Services, line)
		}
	}
	return w.json(nethttp.StatusOK, list)
}

// summary is a service in numbers that it has at hand.
func summary(s *registry.Service) wire.Service {
	return wire.Service{
		Name: s.Name(), Instances: s.Len(), Healthy: s.Healthy(), Tags: s.Tags(), ModifyIndex: s.Index(),
	}
}

// summaryOf is a service in the numbers of some of its instances.
func summaryOf(s *registry.Service, instances []*registry.Instance) wire.Service {
	line := wire.Service{Name: s.Name(), Instances: len(instances), Tags: []string{}, ModifyIndex: s.Index()}
	for _, i := range instances {
		if i.Discoverable() {
			line.Healthy++
		}
		line.Tags = append(line.Tags, i.Tags...)
	}
	slices.Sort(line.Tags)
	line.Tags = slices.Compact(line.Tags)
	return line
}
