package registry_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/registry"
)

func TestNormalizeFillsInWhatIsLeftOut(t *testing.T) {
	seconds := func(n int) registry.Duration { return registry.Duration(n) * registry.Duration(time.Second) }
	sent := registry.Instance{
		Service: "payments", Address: "2001:db8::1", Port: 8080,
		Tags: []string{}, Metadata: map[string]string{},
		Checks: []registry.Check{
			{Type: registry.CheckHTTP, Headers: map[string]string{}},
			{Type: registry.CheckTCP, Interval: seconds(1)},
			{Type: registry.CheckGRPC, Name: "deep", Interval: seconds(60), Timeout: seconds(30), Rise: 2, Fall: 5},
			{Type: registry.CheckHTTP, Name: "post", Path: "/ping", Method: "post"},
		},
	}
	want := registry.Instance{
		Service: "payments", ID: "2001:db8::1:8080", Address: "2001:db8::1", Port: 8080, Weight: 100,
		Checks: []registry.Check{
			{Type: registry.CheckHTTP, Name: "http", Interval: seconds(10), Timeout: seconds(2), Rise: 1, Fall: 3, Path: "/health", Method: "GET"},
			{Type: registry.CheckTCP, Name: "tcp", Interval: seconds(1), Timeout: seconds(1), Rise: 1, Fall: 3},
			{Type: registry.CheckGRPC, Name: "deep", Interval: seconds(60), Timeout: seconds(30), Rise: 2, Fall: 5},
			{Type: registry.CheckHTTP, Name: "post", Interval: seconds(10), Timeout: seconds(2), Rise: 1, Fall: 3, Path: "/ping", Method: "POST"},
		},
	}
	got := sent.Normalize()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("normalized (-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("the normal form of a good document is refused: %v", err)
	}
	if again := got.Normalize(); !cmp.Equal(got, again) {
		t.Errorf("the normal form has another normal form:\n%s", cmp.Diff(got, again))
	}
}

func TestNormalizeForgetsWhatTheRegistryOwns(t *testing.T) {
	plain := checked(nil)
	readBack := *plain.Clone()
	readBack.Status = registry.Unhealthy
	readBack.Reported = registry.Report{Status: registry.Unhealthy, Output: "out of disk"}
	readBack.Maintenance = registry.Maintenance{Enabled: true, Reason: "deploy"}
	readBack.CreateIndex, readBack.ModifyIndex, readBack.Incarnation = 12, 40, 40
	readBack.Checks[0].Status, readBack.Checks[0].Output = registry.Warning, "200 OK"
	if diff := cmp.Diff(plain, readBack.Normalize()); diff != "" {
		t.Errorf("something is left (-want +got):\n%s", diff)
	}
}

func TestNormalizeSharesNothingWithItsInput(t *testing.T) {
	sent := registry.Instance{
		Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 8080,
		Tags: []string{"v1"}, Metadata: map[string]string{"k": "v"}, Lease: &registry.Lease{TTL: 1},
		Checks: []registry.Check{{Type: registry.CheckHTTP, Headers: map[string]string{"h": "v"}}},
	}
	normal := sent.Normalize()
	want := *normal.Clone()
	sent.Tags[0], sent.Metadata["k"], sent.Lease.TTL = "v2", "w", 2
	sent.Checks[0].Name, sent.Checks[0].Headers["h"] = "other", "w"
	if diff := cmp.Diff(want, normal); diff != "" {
		t.Errorf("the copy changed with its original (-want +got):\n%s", diff)
	}
}

func TestADocumentWithoutAddressIsRefusedForThatAndNotForItsID(t *testing.T) {
	sent := registry.Instance{Service: "payments", Port: 8080}
	i := sent.Normalize()
	wantInvalid(t, i.Validate(), "address")
}

func TestReportsAreCutToWhatIsStored(t *testing.T) {
	for name, c := range map[string]struct{ sent, want string }{
		"short":                    {"200 OK", "200 OK"},
		"as long as may be":        {strings.Repeat("x", 4_096), strings.Repeat("x", 4_096)},
		"too long":                 {strings.Repeat("x", 4_097), strings.Repeat("x", 4_096)},
		"too long amid a letter":   {strings.Repeat("x", 4_095) + "ü…", strings.Repeat("x", 4_095)},
		"bytes that are no text":   {"a\xff\xfeb", "a�b"},
		"too long once it is text": {strings.Repeat("\xffx", 2_048), strings.Repeat("�x", 1_024)},
	} {
		t.Run(name, func(t *testing.T) {
			r := registry.Report{Status: registry.Unhealthy, Output: c.sent}.Normalize()
			if r.Status != registry.Unhealthy || r.Output != c.want || !utf8.ValidString(r.Output) {
				t.Errorf("got %q", r)
			}
			wantInvalid(t, registry.ReportHealth{Service: "payments", ID: "p1", Report: r}.Validate(), "")
		})
	}
}
