package registry_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/registry"
)

// named returns a healthy instance of a service.
func named(service, id string) registry.Instance {
	return instance(func(i *registry.Instance) { i.Service, i.ID = service, id })
}

func TestABatchIsAppliedAtOneIndex(t *testing.T) {
	s := applyAll(t, register(named("a", "1")))
	edit := s.Edit()
	results, err := edit.Apply(7,
		registry.Deregister{Service: "a", ID: "1"},
		register(named("a", "2")),
		register(named("b", "1")),
		register(named("b", "2")),
	)
	if err != nil || len(results) != 4 {
		t.Fatalf("got %v, %v", results, err)
	}
	next := edit.Commit()
	if next.Index() != 7 || next.Len() != 3 || next.Service("a").Index() != 7 || next.Service("b").Index() != 7 {
		t.Errorf("got index %d, %d instances", next.Index(), next.Len())
	}
	if got := edit.Changed(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("changed services %q", got)
	}
	var changes []string
	for c := range edit.ChangesFrom(0) {
		changes = append(changes, fmt.Sprintf("%s/%s %t>%t", c.Instance().Service, c.Instance().ID, c.Old != nil, c.New != nil))
	}
	if want := []string{"a/1 true>false", "a/2 false>true", "b/1 false>true", "b/2 false>true"}; !slices.Equal(changes, want) {
		t.Errorf("changes %q", changes)
	}
}

func TestABatchOfWhichOneFailsDoesNothing(t *testing.T) {
	s := applyAll(t, register(named("a", "1")))
	edit := s.Edit()
	results, err := edit.Apply(7,
		registry.Deregister{Service: "a", ID: "1"},
		register(named("b", "1")),
		registry.Deregister{Service: "c", ID: "1"},
	)
	of, ok := errors.AsType[*registry.OperationError](err)
	if !ok || of.Position != 2 || !errors.Is(err, registry.ErrInstanceNotFound) || results != nil {
		t.Errorf("got %v, %v", results, err)
	}
	next := edit.Commit()
	if next.Index() != 1 || next.Len() != 1 || next.Service("a") != s.Service("a") || next.Service("b") != nil {
		t.Error("something was done")
	}
	if n := len(slices.Collect(edit.ChangesFrom(0))); n != 0 {
		t.Errorf("%d changes are left", n)
	}
}

func TestABatchTouchesEachInstanceOnce(t *testing.T) {
	_, err := registry.NewState().Edit().Apply(1,
		register(named("a", "1")), register(named("a", "2")), report("", registry.Healthy, ""), register(named("a", "1")))
	of, ok := errors.AsType[*registry.OperationError](err)
	if !ok || of.Position != 3 {
		t.Fatalf("got %v", err)
	}
	wantInvalid(t, of.Err, "operations")
}

func TestASingleOperationFailsWithItsOwnError(t *testing.T) {
	_, err := registry.NewState().Edit().Apply(1, registry.Deregister{Service: "a", ID: "1"})
	if _, ok := errors.AsType[*registry.OperationError](err); ok || !errors.Is(err, registry.ErrInstanceNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestLaterOperationsOfAnEditSeeTheEarlier(t *testing.T) {
	edit := registry.NewState().Edit()
	for index, op := range []registry.Operation{
		register(named("a", "1")),
		registry.Deregister{Service: "a", ID: "1"},
		registry.Register{Instance: named("a", "1"), If: registry.Precondition{Absent: true}},
		registry.Deregister{Service: "a", ID: "1", If: registry.Precondition{Match: 3}},
		register(named("b", "1")),
	} {
		if _, err := edit.Apply(uint64(index)+1, op); err != nil {
			t.Fatalf("%d: %v", index, err)
		}
	}
	edit.SetIndex(9)
	edit.SetIndex(8) // does not go back
	s := edit.Commit()
	if s.Service("a") != nil || s.Service("b").Len() != 1 || s.Len() != 1 || s.Index() != 9 {
		t.Errorf("got %d instances at %d", s.Len(), s.Index())
	}
}

func TestAnEditThatChangesNothingCopiesNothing(t *testing.T) {
	s := applyAll(t, register(named("a", "1")), register(named("b", "1")))
	edit := s.Edit()
	if _, err := edit.Apply(5, register(named("a", "1"))); err != nil {
		t.Fatal(err)
	}
	next := edit.Commit()
	if next.Service("a") != s.Service("a") || next.Service("b") != s.Service("b") || next.Index() != 5 || len(edit.Changed()) != 0 {
		t.Errorf("got another service, index %d, changed %q", next.Index(), edit.Changed())
	}
}

func TestOnlyTheServicesThatChangeAreReplaced(t *testing.T) {
	s := applyAll(t, register(named("a", "1")), register(named("b", "1")))
	next, _ := apply(t, s, register(named("b", "2")))
	if next.Service("a") != s.Service("a") {
		t.Error("the other service is another one")
	}
	if next.Service("b").Get("1") != s.Service("b").Get("1") {
		t.Error("the other instance is another one")
	}
}

func TestALoadedStateIsTheOneThatWasSaved(t *testing.T) {
	saved := applyAll(t,
		register(named("a", "1")),
		register(named("a", "2")),
		register(named("b", "1")),
		register(checked(nil)),
		report("http", registry.Unhealthy, "refused"),
		registry.Deregister{Service: "a", ID: "1"}, // of which the instances that are left tell nothing
		registry.SetMaintenance{Service: "b", ID: "1"},
	)
	wantSame(t, "loaded", viewOf(saved), viewOf(load(saved)))
}

func TestAServiceIsAtItsNewestInstanceHoweverItIsLoaded(t *testing.T) {
	for _, order := range [][]uint64{{5, 3}, {3, 5}} {
		edit := registry.NewState().Edit()
		for _, index := range order {
			i := named("a", fmt.Sprint(index))
			i.ModifyIndex = index
			edit.Put(&i)
		}
		edit.SetServiceIndex("a", 4)
		if got := edit.Commit().Service("a").Index(); got != 5 {
			t.Errorf("loaded in the order %d: at %d, want 5", order, got)
		}
	}
}

func TestSetServiceIndexOfNoService(t *testing.T) {
	edit := registry.NewState().Edit()
	edit.SetServiceIndex("a", 5)
	if s := edit.Commit(); s.Service("a") != nil {
		t.Error("there is a service without instances")
	}
}

func load(s *registry.State) *registry.State {
	edit := registry.NewState().Edit()
	for service := range s.Services() {
		for i := range service.Instances() {
			edit.Put(i.Clone())
		}
		edit.SetServiceIndex(service.Name(), service.Index())
	}
	edit.StartAt(s.Index())
	return edit.Commit()
}

// view is all that a State tells, for comparing.
type view struct {
	Index    uint64
	Len      int
	Services []serviceView
}

type serviceView struct {
	Name      string
	Index     uint64
	Len       int
	Healthy   int
	Preserved int
	Tags      []string
	Snapshot  registry.Snapshot
}

// viewOf copies all of s, so that a later change to what s points to would show.
func viewOf(s *registry.State) view {
	v := view{Index: s.Index(), Len: s.Len()}
	for service := range s.Services() {
		of := serviceView{service.Name(), service.Index(), service.Len(), service.Healthy(), service.Preserved(),
			slices.Clone(service.Tags()), service.Snapshot()}
		for n := range of.Snapshot.Instances {
			of.Snapshot.Instances[n] = *of.Snapshot.Instances[n].Clone()
		}
		v.Services = append(v.Services, of)
	}
	return v
}

func wantSame(t interface {
	Helper()
	Errorf(string, ...any)
}, what string, want, got view) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
