package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/musterhq/muster/registry"
)

func TestStatusIsTheWorstOfAllThatIsKnown(t *testing.T) {
	const h, w, k, u = registry.Healthy, registry.Warning, registry.Unknown, registry.Unhealthy
	for _, c := range []struct {
		reported registry.Status
		checks   []registry.Status
		want     registry.Status
	}{
		{"", nil, h},
		{h, nil, h},
		{k, nil, k},
		{u, nil, u},
		{"", []registry.Status{""}, k},
		{h, []registry.Status{""}, k},
		{u, []registry.Status{""}, u},
		{"", []registry.Status{h, ""}, k},
		{"", []registry.Status{h, h}, h},
		{"", []registry.Status{h, w}, h},
		{"", []registry.Status{h, k}, k},
		{"", []registry.Status{u, ""}, u},
		{h, []registry.Status{w, u}, u},
		{u, []registry.Status{h, h}, u},
		{k, []registry.Status{h, u}, u},
	} {
		t.Run(fmt.Sprintf("%q and %q", c.reported, c.checks), func(t *testing.T) {
			i := instance(nil)
			for n := range c.checks {
				i.Checks = append(i.Checks, registry.Check{Name: fmt.Sprint(n), Type: registry.CheckTCP})
			}
			ops := []registry.Operation{register(i.Normalize())}
			if c.reported != "" {
				ops = append(ops, report("", c.reported, ""))
			}
			for n, status := range c.checks {
				if status != "" {
					ops = append(ops, report(fmt.Sprint(n), status, ""))
				}
			}
			s := applyAll(t, ops...)
			got, _ := s.Instance("payments", "p1")
			if got.Status != c.want {
				t.Errorf("it is %s, want %s", got.Status, c.want)
			}
			if want := map[bool]int{true: 1}[c.want == h]; s.Service("payments").Healthy() != want {
				t.Errorf("the service counts %d healthy", s.Service("payments").Healthy())
			}
		})
	}
}

func TestACheckThatWasLoadedWithoutAStatusIsUnknown(t *testing.T) {
	edit := registry.NewState().Edit()
	i := checked(nil) // as the client sent it
	edit.Put(&i)
	results, err := edit.Apply(1, report("", registry.Healthy, ""))
	if err != nil || results[0].Instance.Status != registry.Unknown {
		t.Errorf("got %+v, %v", results, err)
	}
}

func TestAReportThatChangesTheStatusIsARealChange(t *testing.T) {
	s := applyAll(t, register(checked(nil)))
	s, result := apply(t, s, report("http", registry.Healthy, "200 OK"))
	i := result.Instance
	if !result.Changed || i.ModifyIndex != 2 || i.CreateIndex != 1 || i.Incarnation != 1 {
		t.Errorf("got %+v", i)
	}
	if i.Checks[0].Status != registry.Healthy || i.Checks[0].Output != "200 OK" || i.Status != registry.Healthy {
		t.Errorf("got %+v", i)
	}
	if s.Service("payments").Index() != 2 {
		t.Errorf("the service is at %d", s.Service("payments").Index())
	}
}

func TestAReportThatChangesOnlyTheOutputIsStoredInSilence(t *testing.T) {
	for _, check := range []string{"", "http"} {
		t.Run("of check "+check, func(t *testing.T) {
			before := applyAll(t, register(checked(nil)), report(check, registry.Unhealthy, "refused"))
			edit := before.Edit()
			results, err := edit.Apply(3, report(check, registry.Unhealthy, "timed out"))
			if err != nil || results[0].Changed {
				t.Fatalf("got %+v, %v", results, err)
			}
			after := edit.Commit()
			i, _ := after.Instance("payments", "p1")
			got := i.Reported
			if check != "" {
				got = registry.Report{Status: i.Checks[0].Status, Output: i.Checks[0].Output}
			}
			if got != (registry.Report{Status: registry.Unhealthy, Output: "timed out"}) {
				t.Errorf("stored %+v", got)
			}
			if i.ModifyIndex != 2 || after.Service("payments").Index() != 2 || after.Index() != 3 {
				t.Errorf("the instance is at %d, its service at %d, the state at %d", i.ModifyIndex, after.Service("payments").Index(), after.Index())
			}
			changes := slices.Collect(edit.ChangesFrom(0))
			if len(changes) != 1 || changes[0].Real() || changes[0].New != i || len(edit.Changed()) != 0 {
				t.Errorf("changes %+v of services %q", changes, edit.Changed())
			}
		})
	}
}

func TestAReportThatSaysNothingNewChangesNothing(t *testing.T) {
	for _, check := range []string{"", "http"} {
		before := applyAll(t, register(checked(nil)), report(check, registry.Unhealthy, "refused"))
		after, result := apply(t, before, report(check, registry.Unhealthy, "refused"))
		if result.Changed || before.Service("payments") != after.Service("payments") {
			t.Errorf("check %q: got %+v", check, result)
		}
	}
}

func TestReportsThatCannotBe(t *testing.T) {
	wantInvalid(t, report("", registry.Warning, "").Validate(), "status")
	wantInvalid(t, report("http", registry.Warning, "").Validate(), "")
	wantInvalid(t, report("", "", "").Validate(), "status")
	wantInvalid(t, report("", "passing", "").Validate(), "status")
	wantInvalid(t, report("", registry.StatusAny, "").Validate(), "status")
	wantInvalid(t, report("", registry.Healthy, strings.Repeat("x", 4_097)).Validate(), "output")
	wantInvalid(t, report("", registry.Healthy, "\xff").Validate(), "output")

	s := applyAll(t, register(checked(nil)))
	_, err := s.Edit().Apply(2, report("tcp", registry.Healthy, ""))
	if !errors.Is(err, registry.ErrCheckNotFound) || !strings.Contains(err.Error(), `"tcp"`) {
		t.Errorf("of a check that is not there: %v", err)
	}
	_, err = registry.NewState().Edit().Apply(2, report("", registry.Healthy, ""))
	if !errors.Is(err, registry.ErrInstanceNotFound) || !strings.Contains(err.Error(), `"p1" of service "payments"`) {
		t.Errorf("of an instance that is not there: %v", err)
	}
}

func TestMaintenanceTakesOutOfDiscoveryAndLetsBackIn(t *testing.T) {
	set := func(enabled bool, reason string) registry.SetMaintenance {
		return registry.SetMaintenance{Service: "payments", ID: "p1", Maintenance: registry.Maintenance{Enabled: enabled, Reason: reason}}
	}
	s := applyAll(t, register(instance(nil)))
	for _, step := range []struct {
		op      registry.SetMaintenance
		want    registry.Maintenance
		changed bool
	}{
		{set(false, ""), registry.Maintenance{}, false},
		{set(false, "a reason for nothing"), registry.Maintenance{}, false},
		{set(true, "deploy"), registry.Maintenance{Enabled: true, Reason: "deploy"}, true},
		{set(true, "deploy"), registry.Maintenance{Enabled: true, Reason: "deploy"}, false},
		{set(true, "still"), registry.Maintenance{Enabled: true, Reason: "still"}, true},
		{set(false, "done"), registry.Maintenance{}, true},
	} {
		before := s.Service("payments")
		var result registry.Result
		s, result = apply(t, s, step.op)
		i, service := result.Instance, s.Service("payments")
		if i.Maintenance != step.want || result.Changed != step.changed {
			t.Errorf("after %+v: got %+v, changed %t", step.op, i.Maintenance, result.Changed)
		}
		if i.Discoverable() == step.want.Enabled || (service.Healthy() == 1) == step.want.Enabled {
			t.Errorf("after %+v: discoverable %t, counted %d", step.op, i.Discoverable(), service.Healthy())
		}
		if i.Status != registry.Healthy || i.Incarnation != 1 {
			t.Errorf("after %+v: got %+v", step.op, i)
		}
		if step.changed && i.ModifyIndex != s.Index() || !step.changed && service != before {
			t.Errorf("after %+v: at %d of %d", step.op, i.ModifyIndex, s.Index())
		}
	}
	if _, err := registry.NewState().Edit().Apply(1, set(true, "")); !errors.Is(err, registry.ErrInstanceNotFound) {
		t.Errorf("of an instance that is not there: %v", err)
	}
	wantInvalid(t, set(true, strings.Repeat("x", 1_025)).Validate(), "reason")
	wantInvalid(t, set(true, strings.Repeat("x", 1_024)).Validate(), "")
}
