package consistency

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"

	"github.com/musterhq/muster/registry"
)

// instance is all that a client can see of one, in this model. The zero instance is not there.
type instance struct {
	there   bool
	version string
	status  registry.Status
}

// model is the rules of one instance, as the contract has them. Instances have nothing to do with each other, so each is
// looked at by itself.
var model = porcupine.Model{
	Partition: byInstance,
	Init:      func() any { return instance{} },
	Step: func(state, input, output any) (bool, any) {
		return step(state.(instance), input.(Call), output.(Answer))
	},
	DescribeOperation: func(input, output any) string { return describe(input.(Call), output.(Answer)) },
	DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
}

// step tells whether a call on an instance can have been answered so, and what the instance is afterwards.
func step(was instance, c Call, a Answer) (possible bool, next instance) {
	if c.Kind == Read {
		seen := instance{there: !a.Absent, version: a.Version, status: a.Status}
		return seen == was, was
	}
	if c.Kind == Register {
		// What was reported of an instance stays when it is replaced.
		return a.unknown || !a.Absent, instance{there: true, version: c.Version, status: cmp.Or(was.status, registry.Healthy)}
	}
	if !was.there {
		return a.unknown || a.Absent, was
	}
	if c.Kind == Deregister {
		return a.unknown || !a.Absent, instance{}
	}
	next = was
	next.status = c.Status
	return a.unknown || !a.Absent, next
}

func byInstance(all []porcupine.Operation) [][]porcupine.Operation {
	type name struct{ service, id string }
	of := map[name][]porcupine.Operation{}
	var names []name
	for _, o := range all {
		c := o.Input.(Call)
		n := name{c.Service, c.ID}
		if of[n] == nil {
			names = append(names, n)
		}
		of[n] = append(of[n], o)
	}
	slices.SortFunc(names, func(a, b name) int { return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.id, b.id)) })
	parts := make([][]porcupine.Operation, len(names))
	for i, n := range names {
		parts[i] = of[n]
	}
	return parts
}

func describe(c Call, a Answer) string {
	asked := fmt.Sprintf("%s %s/%s", c.Kind, c.Service, c.ID)
	switch c.Kind {
	case Register:
		asked += " " + c.Version
	case Report:
		asked += " " + string(c.Status)
	}
	switch {
	case a.unknown:
		return asked + " → ?"
	case a.Absent:
		return asked + " → absent"
	case c.Kind == Read:
		return fmt.Sprintf("%s → %s, %s", asked, a.Version, a.Status)
	default:
		return asked + " → done"
	}
}
