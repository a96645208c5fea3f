package http

import (
	"cmp"
	nethttp "net/http"
	"strconv"

	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// watching is what a watch asks for.
type watching struct {
	selection watch.Selection
	least     consistency
	form      form

	resumes  bool
	position uint64

	name string // under which it acknowledges; "" if it does not
}

// watch streams what there is and what changes, for as long as the caller stays and the node can. What is wrong is said
// before the stream begins; afterwards it can only end.
func (a *api) watch(w *answer, r *nethttp.Request) error {
	wanted, err := watchingOf(r)
	if err != nil {
		return err
	}
	if a.closing.begun() {
		return errClosing
	}
	if _, err := a.view(w, r, wanted.least); err != nil {
		return err
	}
	h := w.Header()
	if r.Method == nethttp.MethodHead {
		h.Set("Content-Type", string(wanted.form))
		w.WriteHeader(nethttp.StatusOK)
		return nil
	}
	s, err := a.newStream(w, wanted)
	if err != nil {
		return err
	}
	defer s.close()
	h.Set("Content-Type", string(wanted.form))
	h.Set("X-Accel-Buffering", "no") // or nginx keeps events to itself until it has many
	w.WriteHeader(nethttp.StatusOK)
	s.run(r.Context())
	return nil
}

func watchingOf(r *nethttp.Request) (watching, error) {
	p := newParams(r)
	asked := watching{selection: p.watched(), least: p.minimum()}
	asked.position, asked.resumes = p.number(wire.ParamIndex)
	asked.name, _ = p.text(wire.ParamAck)
	if err := cmp.Or(p.done(), watchable(asked.selection)); err != nil {
		return asked, err
	}
	// Browsers come back with the address that they were given and, in the header, with what they have seen since.
	if id := r.Header.Get(wire.HeaderLastEventID); id != "" {
		position, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return asked, invalid(wire.HeaderLastEventID, "must be the id of an event, a whole number from 0, not %q", id)
		}
		asked.position, asked.resumes = position, true
	}
	var err error
	asked.form, err = accepted(r)
	return asked, err
}

// watched takes the parameters that say what a watch is about.
func (p *params) watched() watch.Selection {
	s := watch.Selection{All: p.flag(wire.ParamAll), Services: p.list(wire.ParamService), Query: p.selection()}
	if s.Query.Status = p.status(); s.Query.Status == "" {
		s.Query.Status = registry.StatusAny
	}
	for _, name := range s.Services {
		if !registry.ValidName(name) {
			p.fail(wire.ParamService, "%q is no name", name)
		}
	}
	return s
}

// watchable refuses to watch nothing, too much, and what is not clear.
func watchable(s watch.Selection) error {
	switch {
	case s.All && len(s.Services) > 0:
		return invalid(wire.ParamAll, "can't stand beside %s: it means all services", wire.ParamService)
	case !s.All && len(s.Services) == 0:
		return invalid(wire.ParamService, "is missing: name what is to be watched, as often as you like, or say %s=true", wire.ParamAll)
	case len(s.Services) > maxWatched:
		return invalid(wire.ParamService, "stands %d times, and may %d times; say %s=true, or watch in parts",
			len(s.Services), maxWatched, wire.ParamAll)
	}
	return nil
}
