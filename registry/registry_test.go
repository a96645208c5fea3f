package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/musterhq/muster/registry"
)

func wantError(t *testing.T, err, want error, says string) {
	t.Helper()
	if !errors.Is(err, want) || err.Error() != says {
		t.Errorf("got %v, want %s", err, says)
	}
}

func TestRegisteringTheSameInstanceAgainLeavesOne(t *testing.T) {
	reg := registry.New()
	i := registry.Instance{Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 8080}
	first, err := reg.Register(i)
	if err != nil || first != 1 {
		t.Fatalf("got %d, %v", first, err)
	}
	before := reg.State()
	for range 3 {
		if again, err := reg.Register(i); err != nil || again != first {
			t.Errorf("again: got %d, %v", again, err)
		}
	}
	if reg.State() != before {
		t.Error("a repetition made a new state")
	}
	i.Port = 9090
	if moved, err := reg.Register(i); err != nil || moved != 2 {
		t.Errorf("moved: got %d, %v", moved, err)
	}
	found, err := reg.Discover("payments")
	if err != nil || len(found) != 1 || found[0].Port != 9090 || found[0].Weight != 100 {
		t.Errorf("discovered %+v, %v", found, err)
	}
}

func TestDiscoverListsWhoIsThereToBeCalled(t *testing.T) {
	reg := registry.New()
	for _, id := range []string{"p3", "p1", "p2", "p4"} {
		if _, err := reg.Register(named("payments", id)); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct {
		do   func() error
		want string
	}{
		{func() error { return nil }, "p1 p2 p3 p4"},
		{func() error { return reg.Report("payments", "p1", "", registry.Report{Status: registry.Unhealthy}) }, "p2 p3 p4"},
		{func() error { return reg.Report("payments", "p2", "", registry.Report{Status: registry.Unknown}) }, "p3 p4"},
		{func() error { return reg.Maintain("payments", "p3", registry.Maintenance{Enabled: true}) }, "p4"},
		{func() error { return reg.Report("payments", "p1", "", registry.Report{Status: registry.Healthy}) }, "p1 p4"},
		{func() error { return reg.Maintain("payments", "p3", registry.Maintenance{}) }, "p1 p3 p4"},
		{func() error { return reg.Deregister("payments", "p4") }, "p1 p3"},
	}
	for n, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
		found, err := reg.Discover("payments")
		got := idsOf(func(yield func(*registry.Instance) bool) {
			for n := range found {
				if !yield(&found[n]) {
					return
				}
			}
		})
		if err != nil || got != step.want {
			t.Errorf("step %d: got %q, %v, want %q", n, got, err, step.want)
		}
	}
}

func TestErrorsSayWhatTheyAreAbout(t *testing.T) {
	reg := registry.New()
	_, err := reg.Discover("payments")
	wantError(t, err, registry.ErrServiceNotFound, `service not found: "payments"`)
	wantError(t, reg.Deregister("payments", "p1"), registry.ErrInstanceNotFound, `instance not found: "p1" of service "payments"`)

	if _, err := reg.Register(checked(nil)); err != nil {
		t.Fatal(err)
	}
	_, err = reg.Discover("payments")
	wantError(t, err, registry.ErrNoHealthyInstances,
		`no healthy instances: service "payments" has 1 registered, each unhealthy, unknown or in maintenance`)
	healthy := registry.Report{Status: registry.Healthy}
	wantError(t, reg.Report("payments", "p1", "tcp", healthy), registry.ErrCheckNotFound,
		`check not found: "tcp" of instance "p1" of service "payments"`)
	wantError(t, reg.Report("payments", "p2", "", healthy), registry.ErrInstanceNotFound,
		`instance not found: "p2" of service "payments"`)
	wantError(t, reg.Maintain("payments", "p2", registry.Maintenance{}), registry.ErrInstanceNotFound,
		`instance not found: "p2" of service "payments"`)
	wantError(t, reg.Report("payments", "p1", "", registry.Report{Status: "up"}), registry.ErrInvalid,
		`status: must be "healthy", "unhealthy" or "unknown", or "warning" for a check, not "up"`)
	_, err = reg.Register(registry.Instance{Service: "payments", Address: "0.0.0.0", Port: 80})
	wantError(t, err, registry.ErrInvalid,
		`address: 0.0.0.0 is every address of a machine and none to dial; use one at which clients reach the instance`)

	if err := reg.Deregister("payments", "p1"); err != nil {
		t.Fatal(err)
	}
	_, err = reg.Discover("payments")
	wantError(t, err, registry.ErrServiceNotFound, `service not found: "payments"`)
}

func TestWhatTheCallerKeepsIsTheCallers(t *testing.T) {
	reg := registry.New()
	mine := registry.Instance{Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 8080, Metadata: map[string]string{"k": "v"}}
	if _, err := reg.Register(mine); err != nil {
		t.Fatal(err)
	}
	mine.Metadata["k"] = "changed"
	found, err := reg.Discover("payments")
	if err != nil || found[0].Metadata["k"] != "v" {
		t.Errorf("got %v, %v", found, err)
	}
	found[0].Port = 1
	if again, _ := reg.Discover("payments"); again[0].Port != 8080 {
		t.Error("what was discovered is not a value")
	}
}

func TestALongOutputIsCutAndItsVerdictKept(t *testing.T) {
	reg := registry.New()
	if _, err := reg.Register(instance(nil)); err != nil {
		t.Fatal(err)
	}
	long := registry.Report{Status: registry.Unhealthy, Output: strings.Repeat("x", 5_000)}
	if err := reg.Report("payments", "p1", "", long); err != nil {
		t.Fatal(err)
	}
	i, err := reg.State().Instance("payments", "p1")
	if err != nil || i.Status != registry.Unhealthy || len(i.Reported.Output) != 4_096 {
		t.Errorf("got %s, %d bytes, %v", i.Status, len(i.Reported.Output), err)
	}
}

// TestWritersAtOnceLoseNothing is about the race detector as much as about the numbers.
func TestWritersAtOnceLoseNothing(t *testing.T) {
	const writers, each = 8, 50
	reg := registry.New()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				id := fmt.Sprintf("p%d-%d", w, n)
				if _, err := reg.Register(named("payments", id)); err != nil {
					t.Error(err)
				}
				if err := reg.Report("payments", id, "", registry.Report{Status: registry.Unhealthy}); err != nil {
					t.Error(err)
				}
				if n%2 == 0 {
					if err := reg.Deregister("payments", id); err != nil {
						t.Error(err)
					}
				}
			}
		})
		wg.Go(func() {
			for range each {
				for s := range reg.State().Services() {
					if len(s.Select(registry.Query{Status: registry.StatusAny})) != s.Len() || len(s.Tags()) != 0 {
						t.Error("a service does not agree with itself")
					}
				}
				if found, err := reg.Discover("payments"); err == nil && len(found) == 0 {
					t.Error("discovered nobody without saying so")
				}
			}
		})
	}
	wg.Wait()
	s := reg.State()
	if want := writers * each / 2; s.Len() != want || s.Service("payments").Len() != want {
		t.Errorf("%d instances, want %d", s.Len(), want)
	}
	if want := uint64(writers * (2*each + each/2)); s.Index() != want {
		t.Errorf("at %d, want %d: one index a change", s.Index(), want)
	}
}
