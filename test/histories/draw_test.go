package histories

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/watch"
	"github.com/musterhq/muster/registry"
)

var services = []string{"a", "ab", "b", "c"}

// drawEntry draws operations for one entry, on instances so few that they meet again and again. Of several, none is about
// an instance that is not there, since that would refuse them all.
func drawEntry(t *rapid.T, state *registry.State) []registry.Operation {
	type target struct{ service, id string }
	byTarget := map[target]registry.Operation{}
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 5}).Draw(t, "operations") {
		at := target{rapid.SampledFrom(services).Draw(t, "service"), fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "id"))}
		byTarget[at] = drawOperation(t, at.service, at.id)
	}
	var operations []registry.Operation
	for _, at := range slices.SortedFunc(maps.Keys(byTarget), func(a, b target) int {
		return slices.Compare([]string{a.service, a.id}, []string{b.service, b.id})
	}) {
		_, err := state.Instance(at.service, at.id)
		if _, registers := byTarget[at].(registry.Register); registers || err == nil || len(byTarget) == 1 {
			operations = append(operations, byTarget[at])
		}
	}
	return operations
}

// sweep removes a service, which may come back at once with another instance.
func sweep(t *rapid.T, l *commitLog, service string) {
	found := l.oracle.Publisher().State().Service(service)
	if found == nil {
		return
	}
	var operations []registry.Operation
	for i := range found.Instances() {
		operations = append(operations, registry.Deregister{Service: service, ID: i.ID})
	}
	l.write(operations...)
	if rapid.Bool().Draw(t, "comes back") {
		l.write(drawRegistration(t, service, "5"))
	}
}

func drawOperation(t *rapid.T, service, id string) registry.Operation {
	switch rapid.IntRange(0, 7).Draw(t, "operation") {
	case 0, 1, 2:
		return registry.Deregister{Service: service, ID: id}
	case 3:
		return registry.ReportHealth{Service: service, ID: id, Report: registry.Report{
			Status: rapid.SampledFrom([]registry.Status{registry.Healthy, registry.Unhealthy}).Draw(t, "status"),
			Output: rapid.SampledFrom([]string{"", "fine"}).Draw(t, "output"),
		}}
	case 4:
		return registry.SetMaintenance{Service: service, ID: id, Maintenance: registry.Maintenance{Enabled: rapid.Bool().Draw(t, "enabled")}}
	default:
		return drawRegistration(t, service, id)
	}
}

func drawRegistration(t *rapid.T, service, id string) registry.Register {
	i := registry.Instance{Service: service, ID: id, Address: "10.0.0.7", Port: rapid.IntRange(80, 82).Draw(t, "port")}
	i.Tags = rapid.SampledFrom([][]string{nil, {"t"}, {"t", "u"}}).Draw(t, "tags")
	i.Zone = rapid.SampledFrom([]string{"", "z"}).Draw(t, "zone")
	return registry.Register{Instance: i.Normalize()}
}

// churn is more changes of one instance than a service remembers.
func churn(l *commitLog, service, id string) {
	for n := range 80 {
		i := registry.Instance{Service: service, ID: id, Address: "10.0.0.7", Port: 80 + n%2}
		l.write(registry.Register{Instance: i.Normalize()})
	}
}

func drawSelection(t *rapid.T) watch.Selection {
	s := watch.Selection{All: rapid.IntRange(0, 2).Draw(t, "all") == 0}
	if !s.All {
		s.Services = rapid.SliceOfN(rapid.SampledFrom(services), 1, 3).Draw(t, "services")
	}
	s.Query.Status = rapid.SampledFrom([]registry.Status{
		registry.StatusAny, registry.StatusAny, registry.Healthy, registry.Unhealthy,
	}).Draw(t, "status")
	switch rapid.IntRange(0, 5).Draw(t, "query") {
	case 0:
		s.Query.Tags = []string{"t"}
	case 1:
		s.Query.Zone = "z"
	case 2:
		filter, err := registry.CompileFilter("port == 80")
		if err != nil {
			t.Fatal(err)
		}
		s.Query.Filter = filter
	}
	return s
}
