package registry_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/musterhq/muster/registry"
)

// fleet is a service with instances that differ in everything a query can ask for.
func fleet(t *testing.T) *registry.Service {
	t.Helper()
	of := func(id, zone string, tags []string, metadata map[string]string) registry.Register {
		return register(instance(func(i *registry.Instance) {
			i.ID, i.Zone, i.Tags, i.Metadata = id, zone, tags, metadata
		}))
	}
	down := func(id string, status registry.Status) registry.ReportHealth {
		return registry.ReportHealth{Service: "payments", ID: id, Report: registry.Report{Status: status}}
	}
	return applyAll(t,
		of("h1", "eu", []string{"v1"}, map[string]string{"version": "1.0"}),
		of("h2", "eu", []string{"v2", "canary"}, map[string]string{"version": "2.0", "empty": ""}),
		of("h3", "us", []string{"v2"}, nil),
		of("m1", "eu", []string{"v2"}, nil),
		of("m2", "us", nil, nil),
		of("u1", "eu", []string{"v2"}, nil),
		of("x1", "us", nil, nil),
		registry.SetMaintenance{Service: "payments", ID: "m1", Maintenance: registry.Maintenance{Enabled: true}},
		registry.SetMaintenance{Service: "payments", ID: "m2", Maintenance: registry.Maintenance{Enabled: true}},
		down("m2", registry.Unhealthy),
		down("u1", registry.Unhealthy),
		down("x1", registry.Unknown),
	).Service("payments")
}

func TestQueriesChoose(t *testing.T) {
	service := fleet(t)
	filter := func(expression string) *registry.Filter {
		f, err := registry.CompileFilter(expression)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for name, c := range map[string]struct {
		query registry.Query
		want  string
	}{
		"plain discovery":         {registry.Query{}, "h1 h2 h3"},
		"healthy":                 {registry.Query{Status: registry.Healthy}, "h1 h2 h3"},
		"unhealthy":               {registry.Query{Status: registry.Unhealthy}, "u1"},
		"unknown":                 {registry.Query{Status: registry.Unknown}, "x1"},
		"any":                     {registry.Query{Status: registry.StatusAny}, "h1 h2 h3 m1 m2 u1 x1"},
		"a tag":                   {registry.Query{Tags: []string{"v2"}}, "h2 h3"},
		"two tags":                {registry.Query{Tags: []string{"v2", "canary"}}, "h2"},
		"a tag that none has":     {registry.Query{Tags: []string{"v2", "v3"}}, ""},
		"a zone":                  {registry.Query{Zone: "eu"}, "h1 h2"},
		"a zone, whatever status": {registry.Query{Zone: "eu", Status: registry.StatusAny}, "h1 h2 m1 u1"},
		"metadata":                {registry.Query{Metadata: map[string]string{"version": "2.0"}}, "h2"},
		"metadata that is empty":  {registry.Query{Metadata: map[string]string{"empty": ""}}, "h2"},
		"two pairs of metadata":   {registry.Query{Metadata: map[string]string{"version": "1.0", "empty": ""}}, ""},
		"a filter":                {registry.Query{Filter: filter(`zone == "us"`)}, "h3"},
		"a filter, any status":    {registry.Query{Filter: filter(`zone == us`), Status: registry.StatusAny}, "h3 m2 x1"},
		"all at once": {registry.Query{Status: registry.Healthy, Tags: []string{"v2"}, Zone: "eu",
			Metadata: map[string]string{"version": "2.0"}, Filter: filter(`port == 8080`)}, "h2"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.query.Validate(); err != nil {
				t.Error(err)
			}
			selected := service.Select(c.query)
			if got := idsOf(slices.Values(selected)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if selected == nil {
				t.Error("an empty selection would be null in JSON")
			}
			for i := range service.Instances() {
				if c.query.Match(i) != slices.Contains(selected, i) {
					t.Errorf("Match and Select do not agree on %s", i.ID)
				}
			}
			if c.query.IsZero() != (name == "plain discovery") {
				t.Errorf("IsZero = %t", c.query.IsZero())
			}
		})
	}
	wantInvalid(t, registry.Query{Status: "warning"}.Validate(), "status")
	wantInvalid(t, registry.Query{Status: "passing"}.Validate(), "status")
}

func idsOf(instances func(func(*registry.Instance) bool)) string {
	var ids []string
	for i := range instances {
		ids = append(ids, i.ID)
	}
	return strings.Join(ids, " ")
}

func TestAServiceTellsAboutItsInstances(t *testing.T) {
	s := fleet(t)
	if s.Name() != "payments" || s.Len() != 7 || s.Healthy() != 3 || s.Index() != 12 {
		t.Errorf("got %q, %d instances, %d healthy, at %d", s.Name(), s.Len(), s.Healthy(), s.Index())
	}
	if got := s.Tags(); !slices.Equal(got, []string{"canary", "v1", "v2"}) {
		t.Errorf("tags %q", got)
	}
	if s.Get("h2").ID != "h2" || s.Get("h") != nil || s.Get("h22") != nil || s.Get("") != nil {
		t.Error("Get finds the wrong one")
	}
	for i := range s.Instances() { // and stops when told
		if i.ID == "h2" {
			break
		}
	}
	snapshot := s.Snapshot()
	if snapshot.Service != "payments" || snapshot.Index != 12 || len(snapshot.Instances) != 7 || snapshot.Instances[3].ID != "m1" {
		t.Errorf("snapshot %+v", snapshot)
	}
}

func TestWhatAServiceIsEncodedToIsKeptWhileItStays(t *testing.T) {
	s := applyAll(t, register(named("a", "1")), register(named("b", "1")))
	calls := 0
	encode := func(s *registry.Service) []byte {
		calls++
		return []byte(s.Name())
	}
	for range 3 {
		if got := string(s.Service("a").Encoded(encode)); got != "a" {
			t.Errorf("got %q", got)
		}
	}
	s, _ = apply(t, s, register(named("b", "2")))
	s.Service("a").Encoded(encode)
	if calls != 1 {
		t.Errorf("encoded %d times, want once", calls)
	}
	s, _ = apply(t, s, register(named("a", "2")))
	s.Service("a").Encoded(encode)
	if calls != 2 {
		t.Errorf("encoded %d times after a change, want twice", calls)
	}
}

func TestAStateFindsInstancesAndSaysWhatIsMissing(t *testing.T) {
	s := applyAll(t, register(named("a", "1")))
	if i, err := s.Instance("a", "1"); err != nil || i.ID != "1" {
		t.Errorf("got %v, %v", i, err)
	}
	for _, c := range []struct {
		service, id string
		want        error
		says        string
	}{
		{"b", "1", registry.ErrServiceNotFound, `service not found: "b"`},
		{"a", "2", registry.ErrInstanceNotFound, `instance not found: "2" of service "a"`},
	} {
		_, err := s.Instance(c.service, c.id)
		wantError(t, err, c.want, c.says)
	}
}
