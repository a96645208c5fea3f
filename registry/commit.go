package registry

import (
	"cmp"
	"slices"
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// commitDrafts puts the services that were touched into next: those that have instances where readers find them, the others
// where the history is.
func (e *Edit) commitDrafts(next *State) {
	services := e.committed()
	present, departed := next.services.Txn(), (*iradix.Txn[*Service])(nil)
	if next.past.departed.Len() > 0 || slices.ContainsFunc(services, (*Service).empty) {
		departed = next.past.departed.Txn()
	}
	for _, s := range services {
		name := []byte(s.name)
		if s.empty() {
			present.Delete(name)
			departed.Insert(name, s)
		} else {
			present.Insert(name, s)
			if departed != nil {
				departed.Delete(name)
			}
		}
		if before := e.base.known(s.name); before == nil || before.index < s.index {
			next.past.note(s, e.base.services.Len())
		}
	}
	next.services = present.CommitOnly()
	if departed != nil {
		next.past.departed = departed.CommitOnly()
	}
}

// committed returns the services that were touched, in the order in which they changed.
func (e *Edit) committed() []*Service {
	services := make([]*Service, 0, len(e.drafts))
	for name, d := range e.drafts {
		services = append(services, d.commit(name))
	}
	slices.SortFunc(services, func(a, b *Service) int {
		return cmp.Or(cmp.Compare(a.index, b.index), strings.Compare(a.name, b.name))
	})
	return services
}
