package registry_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/registry"
)

// TestStateAgreesWithANaiveModel lets random operations, alone and in batches, loose on a State and on a map, and
// compares all that both tell after each step. Every State on the way is kept, and must be unchanged in the end.
func TestStateAgreesWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state, m := registry.NewState(), newModel()
		type kept struct {
			state *registry.State
			as    view
		}
		var history []kept
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			history = append(history, kept{state, viewOf(state)})
			edit := state.Edit()
			before := m.clone()
			for range rapid.IntRange(1, 3).Draw(t, "entries") {
				ops := rapid.SliceOfN(anOperation(), 1, 4).Draw(t, "operations")
				applyToBoth(t, edit, m, m.index+rapid.Uint64Range(1, 3).Draw(t, "ahead"), ops)
			}
			next := edit.Commit()
			wantSame(t, "state", m.view(), viewOf(next))
			wantSame(t, "loaded again", m.view(), viewOf(load(next)))
			checkChanges(t, edit, before, m)
			state = next
		}
		for _, then := range history {
			wantSame(t, fmt.Sprintf("the state at %d, seen later", then.as.Index), then.as, viewOf(then.state))
		}
	})
}

func applyToBoth(t *rapid.T, edit *registry.Edit, m *model, index uint64, ops []registry.Operation) {
	results, err := edit.Apply(index, ops...)
	next := m.clone()
	wantResults, position, wantErr := next.applyAll(index, ops)
	if wantErr != nil {
		if !errors.Is(err, wantErr) {
			t.Fatalf("got error %v, want %v", err, wantErr)
		}
		of, ok := errors.AsType[*registry.OperationError](err)
		if ok != (len(ops) > 1) || ok && of.Position != position {
			t.Fatalf("got error %v, want one of operation %d", err, position)
		}
		return
	}
	if err != nil {
		t.Fatalf("got error %v, want none", err)
	}
	*m = *next
	for n, want := range wantResults {
		got := results[n]
		if got.Created != want.Created || got.Changed != want.Changed {
			t.Fatalf("operation %d: got %+v, want %+v", n, got, want)
		}
		if want.Instance == nil || got.Instance == nil {
			if want.Instance != got.Instance {
				t.Fatalf("operation %d: got %+v, want %+v", n, got, want)
			}
			continue
		}
		wantSame(t, "result", viewOfInstance(*want.Instance), viewOfInstance(*got.Instance))
	}
}

// checkChanges replays the changes of an edit on the model as it was before, which must lead to the model after it.
func checkChanges(t *rapid.T, edit *registry.Edit, before, after *model) {
	changed := map[string]bool{}
	for c := range edit.ChangesFrom(0) {
		i := c.Instance()
		old, there := before.instances[target{i.Service, i.ID}]
		if there != (c.Old != nil) {
			t.Fatalf("change of %s/%s: was there %t, says %t", i.Service, i.ID, there, c.Old != nil)
		}
		if there {
			wantSame(t, "old of a change", viewOfInstance(old), viewOfInstance(*c.Old))
		}
		if c.New == nil {
			delete(before.instances, target{i.Service, i.ID})
		} else {
			before.instances[target{i.Service, i.ID}] = *c.New
		}
		if !there || c.New == nil || old.ModifyIndex != c.New.ModifyIndex {
			changed[i.Service] = true
		}
	}
	before.index, before.services = after.index, after.services
	wantSame(t, "the changes lead to", after.view(), before.view())
	if want := slices.Sorted(maps.Keys(changed)); !slices.Equal(edit.Changed(), want) {
		t.Fatalf("changed services %q, want %q", edit.Changed(), want)
	}
}

func viewOfInstance(i registry.Instance) view {
	return view{Services: []serviceView{{Snapshot: registry.Snapshot{Instances: []registry.Instance{i}}}}}
}

// anOperation draws from so few services, ids and documents that operations meet each other often.
func anOperation() *rapid.Generator[registry.Operation] {
	return rapid.Custom(func(t *rapid.T) registry.Operation {
		service := rapid.SampledFrom([]string{"a", "ab", "b"}).Draw(t, "service")
		id := rapid.SampledFrom([]string{"1", "10", "2", "a/b"}).Draw(t, "id")
		precondition := rapid.SampledFrom([]registry.Precondition{{}, {}, {}, {Absent: true}, {Match: 1}, {Match: 5}}).Draw(t, "if")
		lease := registry.LeaseName{Service: service, ID: id, Index: uint64(rapid.IntRange(0, 12).Draw(t, "lease"))}
		switch rapid.IntRange(0, 11).Draw(t, "operation") {
		case 6:
			return registry.ReviveLease{LeaseName: lease}
		case 7:
			return registry.ReapInstance{LeaseName: lease}
		case 8:
			return registry.ExpireLease{LeaseName: lease}
		case 9, 10:
			return registry.JudgeCheck{
				Service: service, ID: id, Incarnation: lease.Index,
				Check: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "check"),
				Report: registry.Report{
					Status: rapid.SampledFrom([]registry.Status{registry.Healthy, registry.Unhealthy, registry.Warning}).Draw(t, "status"),
					Output: rapid.SampledFrom([]string{"", "o"}).Draw(t, "output"),
				},
				Preserved: rapid.Bool().Draw(t, "preserved"),
			}
		case 0:
			return registry.Deregister{Service: service, ID: id, If: precondition}
		case 1, 2:
			return registry.ReportHealth{Service: service, ID: id,
				Check: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "check"),
				Report: registry.Report{
					Status: rapid.SampledFrom([]registry.Status{registry.Healthy, registry.Unhealthy, registry.Unknown}).Draw(t, "status"),
					Output: rapid.SampledFrom([]string{"", "o"}).Draw(t, "output"),
				}}
		case 3:
			return registry.SetMaintenance{Service: service, ID: id, Maintenance: registry.Maintenance{
				Enabled: rapid.Bool().Draw(t, "enabled"),
				Reason:  rapid.SampledFrom([]string{"", "r"}).Draw(t, "reason"),
			}}
		default:
			return registry.Register{Instance: aDocument(t, service, id), If: precondition}
		}
	})
}

func aDocument(t *rapid.T, service, id string) registry.Instance {
	i := registry.Instance{Service: service, ID: id, Address: "10.0.0.7", Port: rapid.IntRange(80, 81).Draw(t, "port")}
	if rapid.Bool().Draw(t, "with a lease") {
		i.Lease = &registry.Lease{TTL: registry.Duration(time.Minute)}
	}
	i.Tags = rapid.SliceOfN(rapid.SampledFrom([]string{"t", "u"}), 0, 2).Draw(t, "tags")
	for _, name := range []string{"x", "y"} {
		if rapid.Bool().Draw(t, "with check "+name) {
			i.Checks = append(i.Checks, registry.Check{Name: name, Type: registry.CheckTCP, Port: rapid.IntRange(0, 1).Draw(t, "check port")})
		}
	}
	return i.Normalize()
}

// model is the registry at its simplest: maps, whole copies, and the rules once more in other words.
type model struct {
	index     uint64
	instances map[target]registry.Instance
	services  map[string]uint64 // the index of the last change
}

type target struct{ service, id string }

func newModel() *model {
	return &model{instances: map[target]registry.Instance{}, services: map[string]uint64{}}
}

func (m *model) clone() *model {
	return &model{m.index, maps.Clone(m.instances), maps.Clone(m.services)}
}

func (m *model) applyAll(index uint64, ops []registry.Operation) (results []registry.Result, position int, err error) {
	seen := map[target]bool{}
	for n, op := range ops {
		service, id := op.Target()
		if seen[target{service, id}] {
			return nil, n, registry.ErrInvalid
		}
		seen[target{service, id}] = true
	}
	for n, op := range ops {
		result, err := m.apply(index, op)
		if err != nil {
			return nil, n, err
		}
		results = append(results, result)
	}
	m.index = index
	return results, 0, nil
}

func (m *model) apply(index uint64, op registry.Operation) (registry.Result, error) {
	service, id := op.Target()
	old, there := m.instances[target{service, id}]
	i := *old.Clone()
	switch op := op.(type) {
	case registry.Register:
		if op.If.Absent && there || op.If.Match != 0 && (!there || old.ModifyIndex != op.If.Match) {
			return registry.Result{}, registry.ErrPreconditionFailed
		}
		if there && fmt.Sprint(document(old)) == fmt.Sprint(document(op.Instance)) {
			i = withLease(i, index)
			break
		}
		i = *op.Instance.Clone()
		i.Reported, i.Maintenance, i.CreateIndex = old.Reported, old.Maintenance, old.CreateIndex
		i.ModifyIndex, i.Incarnation = index, index
		i = withLease(i, index)
		if !there {
			i.CreateIndex = index
		}
		for n, c := range i.Checks {
			i.Checks[n].Status = registry.Unknown
			for _, before := range old.Checks {
				if before.Name == c.Name && before.Port == c.Port {
					i.Checks[n].Status, i.Checks[n].Output, i.Checks[n].Preserved = before.Status, before.Output, before.Preserved
				}
			}
		}
	case registry.Deregister:
		if !there {
			return registry.Result{}, registry.ErrInstanceNotFound
		}
		if op.If.Absent || op.If.Match != 0 && old.ModifyIndex != op.If.Match {
			return registry.Result{}, registry.ErrPreconditionFailed
		}
		delete(m.instances, target{service, id})
		m.services[service] = index
		return registry.Result{Instance: &old, Changed: true}, nil
	case registry.ReportHealth:
		if !there {
			return registry.Result{}, registry.ErrInstanceNotFound
		}
		status, output := &i.Reported.Status, &i.Reported.Output
		for n, c := range i.Checks {
			if c.Name == op.Check {
				status, output = &i.Checks[n].Status, &i.Checks[n].Output
				if c.Preserved {
					i.Checks[n].Preserved, i.ModifyIndex = false, index
				}
			}
		}
		if op.Check != "" && status == &i.Reported.Status {
			return registry.Result{}, registry.ErrCheckNotFound
		}
		if *status != op.Report.Status {
			i.ModifyIndex = index
		}
		*status, *output = op.Report.Status, op.Report.Output
	case registry.JudgeCheck:
		if !there || i.Incarnation != op.Incarnation {
			return unchanged(old, there), nil
		}
		for n := range i.Checks {
			if c := &i.Checks[n]; c.Name == op.Check {
				if c.Status != op.Report.Status || c.Preserved != op.Preserved {
					i.ModifyIndex = index
				}
				c.Status, c.Output, c.Preserved = op.Report.Status, op.Report.Output, op.Preserved
			}
		}
	case registry.ExpireLease:
		if i.Lease == nil || i.LeaseIndex != op.Index || i.Expired {
			return unchanged(old, there), nil
		}
		i.Expired, i.ModifyIndex = true, index
	case registry.ReviveLease:
		if !i.Expired || i.LeaseIndex != op.Index {
			return unchanged(old, there), nil
		}
		i = withLease(i, index)
	case registry.ReapInstance:
		if !i.Expired || i.LeaseIndex != op.Index {
			return unchanged(old, there), nil
		}
		delete(m.instances, target{service, id})
		m.services[service] = index
		return registry.Result{Instance: &old, Changed: true}, nil
	case registry.SetMaintenance:
		if !there {
			return registry.Result{}, registry.ErrInstanceNotFound
		}
		want := registry.Maintenance{}
		if op.Maintenance.Enabled {
			want = op.Maintenance
		}
		if i.Maintenance != want {
			i.Maintenance, i.ModifyIndex = want, index
		}
	}
	i.Status = modelStatus(i)
	m.instances[target{service, id}] = i
	changed := !there || i.ModifyIndex != old.ModifyIndex
	if changed {
		m.services[service] = index
	}
	return registry.Result{Instance: &i, Created: !there, Changed: changed}, nil
}

func unchanged(old registry.Instance, there bool) registry.Result {
	if !there {
		return registry.Result{}
	}
	return registry.Result{Instance: &old}
}

// withLease begins the lease anew, if there is one.
func withLease(i registry.Instance, index uint64) registry.Instance {
	if i.Expired {
		i.Expired, i.ModifyIndex = false, index
	}
	i.LeaseIndex = 0
	if i.Lease != nil {
		i.LeaseIndex = index
	}
	return i
}

func document(i registry.Instance) string {
	var checks strings.Builder
	for _, c := range i.Checks {
		checks.WriteString(fmt.Sprintf(" %s:%d", c.Name, c.Port))
	}
	return fmt.Sprintf("%d %q%s %t", i.Port, i.Tags, checks.String(), i.Lease != nil)
}

func modelStatus(i registry.Instance) registry.Status {
	var all strings.Builder
	all.WriteString(string(i.Reported.Status))
	if i.Expired {
		all.WriteString(" unhealthy")
	}
	for _, c := range i.Checks {
		all.WriteString(" " + string(c.Status))
	}
	switch {
	case strings.Contains(all.String(), "unhealthy"):
		return registry.Unhealthy
	case strings.Contains(all.String(), "unknown"):
		return registry.Unknown
	default:
		return registry.Healthy
	}
}

func (m *model) view() view {
	v := view{Index: m.index, Len: len(m.instances)}
	byService := map[string][]registry.Instance{}
	for of, i := range m.instances {
		byService[of.service] = append(byService[of.service], i)
	}
	for _, name := range slices.Sorted(maps.Keys(byService)) {
		instances := byService[name]
		slices.SortFunc(instances, func(a, b registry.Instance) int { return strings.Compare(a.ID, b.ID) })
		s := serviceView{Name: name, Index: m.services[name], Len: len(instances), Tags: []string{},
			Snapshot: registry.Snapshot{Service: name, Index: m.services[name], Instances: instances}}
		for _, i := range instances {
			if i.Status == registry.Healthy && !i.Maintenance.Enabled {
				s.Healthy++
			}
			if slices.ContainsFunc(i.Checks, func(c registry.Check) bool { return c.Preserved }) {
				s.Preserved++
			}
			for _, tag := range i.Tags {
				if !slices.Contains(s.Tags, tag) {
					s.Tags = append(s.Tags, tag)
				}
			}
		}
		slices.Sort(s.Tags)
		v.Services = append(v.Services, s)
	}
	return v
}
