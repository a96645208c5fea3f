package registry_test

import (
	"testing"

	"github.com/musterhq/muster/registry"
)

func withChecks() registry.Instance {
	return instance(func(i *registry.Instance) {
		i.Checks = []registry.Check{{Name: "up", Type: registry.CheckTCP}, {Name: "well", Type: registry.CheckHTTP}}
	})
}

func judge(check string, status registry.Status, output string) registry.JudgeCheck {
	of := withChecks()
	return registry.JudgeCheck{
		Service: of.Service, ID: of.ID, Incarnation: 1, Check: check,
		Report: registry.Report{Status: status, Output: output},
	}
}

func statusOf(t *testing.T, s *registry.State) registry.Status {
	t.Helper()
	of := withChecks()
	i, err := s.Instance(of.Service, of.ID)
	if err != nil {
		t.Fatal(err)
	}
	return i.Status
}

func TestAnInstanceIsAsWellAsTheWorstOfItsChecks(t *testing.T) {
	state := applyAll(t, register(withChecks()))
	for _, step := range []struct {
		op   registry.JudgeCheck
		want registry.Status
	}{
		{judge("up", registry.Healthy, "connected"), registry.Unknown}, // nobody has heard of the other
		{judge("well", registry.Warning, "429"), registry.Healthy},
		{judge("well", registry.Unhealthy, "500"), registry.Unhealthy},
		{judge("up", registry.Unhealthy, "refused"), registry.Unhealthy},
		{judge("well", registry.Healthy, "200"), registry.Unhealthy},
		{judge("up", registry.Healthy, "connected"), registry.Healthy},
	} {
		state, _ = apply(t, state, step.op)
		if got := statusOf(t, state); got != step.want {
			t.Errorf("after %s of %s it is %s, want %s", step.op.Report.Status, step.op.Check, got, step.want)
		}
	}
}

// What was found out about an instance counts only against the one that was asked.
func TestAJudgementOfWhatIsNotThereAnyMoreIsVoid(t *testing.T) {
	there := applyAll(t, register(withChecks()))
	again := withChecks()
	again.Port++
	replaced := applyAll(t, register(withChecks()), register(again))
	gone := judge("gone", registry.Unhealthy, "refused")
	for name, c := range map[string]struct {
		state *registry.State
		op    registry.JudgeCheck
	}{
		"another registration": {replaced, judge("up", registry.Unhealthy, "refused")},
		"another check":        {there, gone},
		"no instance":          {registry.NewState(), judge("up", registry.Unhealthy, "refused")},
	} {
		if after, result := apply(t, c.state, c.op); result.Changed || after.Len() != c.state.Len() || result.Instance != nil && result.Instance.Status == registry.Unhealthy {
			t.Errorf("%s: %+v", name, result)
		}
	}
}

func TestAServiceTellsHowManyInstancesArePreserved(t *testing.T) {
	preserved := judge("up", registry.Warning, "kept")
	preserved.Preserved = true
	of := withChecks()
	state := applyAll(t, register(withChecks()))
	for _, step := range []struct {
		op   registry.Operation
		want int
	}{
		{preserved, 1},
		{preserved, 1},
		{judge("up", registry.Warning, "kept"), 0},
		{preserved, 1},
		{registry.ReportHealth{Service: of.Service, ID: of.ID, Check: "up", Report: registry.Report{Status: registry.Warning}}, 0},
		{preserved, 1},
		{registry.Deregister{Service: of.Service, ID: of.ID}, 0},
	} {
		state, _ = apply(t, state, step.op)
		got := 0
		if s := state.Service(of.Service); s != nil {
			got = s.Preserved()
		}
		if got != step.want {
			t.Errorf("after %+v: %d", step.op, got)
		}
	}
}

func TestAPreservedInstanceStaysInDiscovery(t *testing.T) {
	preserved := judge("up", registry.Warning, "kept")
	preserved.Preserved = true
	state := applyAll(t, register(withChecks()), judge("well", registry.Healthy, "200"), preserved)
	if s := state.Service(withChecks().Service); s.Healthy() != 1 || s.Preserved() != 1 {
		t.Errorf("%d healthy, %d preserved", s.Healthy(), s.Preserved())
	}
}
