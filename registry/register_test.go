package registry_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/registry"
)

// apply applies one operation to s at the next index and returns what came of it.
func apply(t *testing.T, s *registry.State, op registry.Operation) (*registry.State, registry.Result) {
	t.Helper()
	edit := s.Edit()
	results, err := edit.Apply(s.Index()+1, op)
	if err != nil {
		t.Fatalf("%T: %v", op, err)
	}
	return edit.Commit(), results[0]
}

// applyAll applies operations one after the other, each at its own index from 1 on.
func applyAll(t *testing.T, ops ...registry.Operation) *registry.State {
	t.Helper()
	s := registry.NewState()
	for _, op := range ops {
		s, _ = apply(t, s, op)
	}
	return s
}

func register(i registry.Instance) registry.Register { return registry.Register{Instance: i} }

func report(check string, status registry.Status, output string) registry.ReportHealth {
	return registry.ReportHealth{Service: "payments", ID: "p1", Check: check,
		Report: registry.Report{Status: status, Output: output}}
}

func TestRegisterCreatesAnInstance(t *testing.T) {
	sent := checked(nil)
	sent.Status, sent.Maintenance.Enabled, sent.ModifyIndex = registry.Unhealthy, true, 99 // not the client's to say
	sent.Expired, sent.LeaseIndex = true, 99
	s, result := apply(t, registry.NewState(), register(sent))

	want := checked(nil)
	want.Status, want.Checks[0].Status = registry.Unknown, registry.Unknown
	want.CreateIndex, want.ModifyIndex, want.Incarnation = 1, 1, 1
	if diff := cmp.Diff(registry.Result{Instance: &want, Created: true, Changed: true}, result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	if stored, err := s.Instance("payments", "p1"); err != nil || stored != result.Instance {
		t.Errorf("the state holds %v, %v", stored, err)
	}
	if s.Service("payments").Index() != 1 {
		t.Errorf("the service is at %d", s.Service("payments").Index())
	}
}

func TestAnInstanceOfWhichNothingIsAskedIsHealthy(t *testing.T) {
	s := applyAll(t, register(instance(nil)))
	if i, _ := s.Instance("payments", "p1"); i.Status != registry.Healthy || !i.Discoverable() {
		t.Errorf("it is %s", i.Status)
	}
}

func TestRegisterAgainWithTheSameDocumentChangesNothing(t *testing.T) {
	before := applyAll(t, register(checked(nil)), report("http", registry.Unhealthy, "refused"))
	after, result := apply(t, before, register(checked(nil)))
	if result.Created || result.Changed {
		t.Errorf("got %+v", result)
	}
	if before.Service("payments") != after.Service("payments") {
		t.Error("the service is another one")
	}
	if after.Index() != 3 {
		t.Errorf("the state is at %d, want 3: the entry was applied", after.Index())
	}
}

// TestRegisterAgainWithAnyFieldChangedReplaces changes each field of a document in turn, found by reflection, so that a
// field that is added to the types one day cannot be forgotten when documents are compared.
func TestRegisterAgainWithAnyFieldChangedReplaces(t *testing.T) {
	full := instance(func(i *registry.Instance) {
		i.Zone, i.Tags, i.Metadata = "eu-1a", []string{"v1"}, map[string]string{"version": "1"}
		i.Lease = &registry.Lease{TTL: registry.Duration(time.Minute), DeregisterAfter: registry.Duration(time.Hour)}
		i.Checks = []registry.Check{{Type: registry.CheckHTTP, Headers: map[string]string{"a": "b"}}}
	})
	owned := map[string]bool{ // by the registry
		"status": true, "reported.status": true, "reported.output": true,
		"maintenance.enabled": true, "maintenance.reason": true,
		"create_index": true, "modify_index": true, "incarnation": true, "expired": true, "-": true,
		"checks[0].status": true, "checks[0].output": true, "checks[0].preserved": true,
	}
	seen := 0
	eachField(reflect.ValueOf(&full).Elem(), "", func(name string, change func(*registry.Instance)) {
		seen++
		t.Run(name, func(t *testing.T) {
			changed := full.Clone()
			change(changed)
			if cmp.Equal(&full, changed) {
				t.Fatal("the test changed nothing")
			}
			if name == "service" || name == "id" {
				return // another instance
			}
			_, result := apply(t, applyAll(t, register(*full.Clone())), register(*changed))
			if result.Changed == owned[name] {
				t.Errorf("changed: %t", result.Changed)
			}
		})
	})
	if seen < 35 {
		t.Errorf("the test found only %d fields", seen)
	}
}

// eachField calls visit for every field of v, also for those within others, with a function that changes it.
func eachField(v reflect.Value, in string, visit func(name string, change func(*registry.Instance))) {
	var walk func(t reflect.Type, name string, get func(reflect.Value) reflect.Value)
	walk = func(t reflect.Type, name string, get func(reflect.Value) reflect.Value) {
		change := func(set func(reflect.Value)) {
			visit(name, func(i *registry.Instance) { set(get(reflect.ValueOf(i).Elem())) })
		}
		switch t.Kind() {
		case reflect.Struct:
			for field := range t.Fields() {
				within := field.Tag.Get("bexpr")
				if name != "" {
					within = name + "." + within
				}
				walk(field.Type, within, func(v reflect.Value) reflect.Value { return get(v).FieldByIndex(field.Index) })
			}
		case reflect.Pointer:
			change(func(v reflect.Value) { v.SetZero() })
			walk(t.Elem(), name, func(v reflect.Value) reflect.Value { return get(v).Elem() })
		case reflect.Slice:
			change(func(v reflect.Value) { v.SetZero() })
			walk(t.Elem(), name+"[0]", func(v reflect.Value) reflect.Value { return get(v).Index(0) })
		case reflect.Map:
			change(func(v reflect.Value) { v.SetMapIndex(reflect.ValueOf("another"), reflect.ValueOf("pair")) })
		case reflect.String:
			change(func(v reflect.Value) { v.SetString(v.String() + "x") })
		case reflect.Bool:
			change(func(v reflect.Value) { v.SetBool(!v.Bool()) })
		case reflect.Int, reflect.Int64:
			change(func(v reflect.Value) { v.SetInt(v.Int() + 1) })
		case reflect.Uint64:
			change(func(v reflect.Value) { v.SetUint(v.Uint() + 1) })
		default:
			panic(fmt.Sprintf("%s has a type the test does not know: %s", name, t))
		}
	}
	walk(v.Type(), in, func(v reflect.Value) reflect.Value { return v })
}

func TestReplacingKeepsWhatIsKnownOfTheInstance(t *testing.T) {
	two := instance(func(i *registry.Instance) {
		i.Checks = []registry.Check{{Name: "stays", Type: registry.CheckHTTP}, {Name: "changes", Type: registry.CheckHTTP}}
	})
	s := applyAll(t,
		register(two),
		report("", registry.Unhealthy, "out of disk"),
		report("stays", registry.Warning, "slow"),
		report("changes", registry.Healthy, "200 OK"),
		registry.SetMaintenance{Service: "payments", ID: "p1", Maintenance: registry.Maintenance{Enabled: true, Reason: "deploy"}},
	)
	next := instance(func(i *registry.Instance) {
		i.Port = 9090
		i.Checks = []registry.Check{
			{Name: "new", Type: registry.CheckTCP},
			{Name: "changes", Type: registry.CheckHTTP, Path: "/other"},
			{Name: "stays", Type: registry.CheckHTTP},
		}
	})
	_, result := apply(t, s, register(*next.Clone()))

	want := next
	want.Status = registry.Unhealthy
	want.Reported = registry.Report{Status: registry.Unhealthy, Output: "out of disk"}
	want.Maintenance = registry.Maintenance{Enabled: true, Reason: "deploy"}
	want.CreateIndex, want.ModifyIndex, want.Incarnation = 1, 6, 6
	want.Checks[0].Status = registry.Unknown
	want.Checks[1].Status = registry.Unknown
	want.Checks[2].Status, want.Checks[2].Output = registry.Warning, "slow"
	if diff := cmp.Diff(registry.Result{Instance: &want, Changed: true}, result); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestRegisterLeavesItsOwnDocumentAlone(t *testing.T) {
	op := register(checked(nil))
	want := *op.Instance.Clone()
	s, _ := apply(t, registry.NewState(), op)
	apply(t, s, report("http", registry.Healthy, "200 OK"))
	if diff := cmp.Diff(want, op.Instance); diff != "" {
		t.Errorf("the operation changed (-before +after):\n%s", diff)
	}
}

func TestPreconditions(t *testing.T) {
	there := applyAll(t, register(instance(nil)), report("", registry.Healthy, "")) // at modify_index 2
	other := instance(func(i *registry.Instance) { i.Port = 9090 })
	deregister := func(p registry.Precondition) registry.Operation {
		return registry.Deregister{Service: "payments", ID: "p1", If: p}
	}
	for name, c := range map[string]struct {
		state *registry.State
		op    registry.Operation
		want  error
	}{
		"create what is not there":               {registry.NewState(), registry.Register{Instance: other, If: registry.Precondition{Absent: true}}, nil},
		"create what is there":                   {there, registry.Register{Instance: other, If: registry.Precondition{Absent: true}}, registry.ErrPreconditionFailed},
		"create the very same again":             {there, registry.Register{Instance: instance(nil), If: registry.Precondition{Absent: true}}, registry.ErrPreconditionFailed},
		"replace the right version":              {there, registry.Register{Instance: other, If: registry.Precondition{Match: 2}}, nil},
		"replace another version":                {there, registry.Register{Instance: other, If: registry.Precondition{Match: 1}}, registry.ErrPreconditionFailed},
		"replace another version by the same":    {there, registry.Register{Instance: instance(nil), If: registry.Precondition{Match: 1}}, registry.ErrPreconditionFailed},
		"replace what is not there":              {registry.NewState(), registry.Register{Instance: other, If: registry.Precondition{Match: 1}}, registry.ErrPreconditionFailed},
		"deregister the right version":           {there, deregister(registry.Precondition{Match: 2}), nil},
		"deregister another version":             {there, deregister(registry.Precondition{Match: 3}), registry.ErrPreconditionFailed},
		"deregister what is not there":           {registry.NewState(), deregister(registry.Precondition{}), registry.ErrInstanceNotFound},
		"deregister a version of what is not":    {registry.NewState(), deregister(registry.Precondition{Match: 3}), registry.ErrInstanceNotFound},
		"deregister only what is not registered": {there, deregister(registry.Precondition{Absent: true}), registry.ErrPreconditionFailed},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.op.Validate(); err != nil {
				t.Fatal(err)
			}
			_, err := c.state.Edit().Apply(9, c.op)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	impossible := registry.Precondition{Match: 1, Absent: true}
	wantInvalid(t, registry.Register{Instance: instance(nil), If: impossible}.Validate(), "if")
	wantInvalid(t, deregister(impossible).Validate(), "if")
}

func TestDeregisterTellsWhatWasThere(t *testing.T) {
	before := applyAll(t, register(instance(nil)))
	was, _ := before.Instance("payments", "p1")
	after, result := apply(t, before, registry.Deregister{Service: "payments", ID: "p1"})
	if result.Instance != was || result.Created || !result.Changed {
		t.Errorf("got %+v", result)
	}
	if after.Service("payments") != nil || after.Len() != 0 {
		t.Error("it is still there")
	}
	_, result = apply(t, after, register(instance(nil)))
	if !result.Created || result.Instance.CreateIndex != 3 {
		t.Errorf("registered again: %+v", result)
	}
}
