package http

import (
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// selection takes the parameters that say which instances a read is about.
func (p *params) selection() registry.Query {
	q := registry.Query{Tags: p.list(wire.ParamTag), Metadata: p.pairs(wire.ParamMeta)}
	q.Zone, _ = p.text(wire.ParamZone)
	if expression, ok := p.text(wire.ParamFilter); ok {
		filter, err := registry.CompileFilter(expression)
		p.note(err)
		q.Filter = filter
	}
	return q
}

// status takes the parameter that says in which status instances are wanted; "" is what a plain discovery lists.
func (p *params) status() registry.Status {
	text, _ := p.text(wire.ParamStatus)
	status := registry.Status(text)
	p.note(registry.Query{Status: status}.Validate())
	return status
}
