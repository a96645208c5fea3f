package registry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

// TestLimits goes up to each limit and one step beyond.
func TestLimits(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	list := func(n int) []string {
		tags := make([]string, n)
		for i := range tags {
			tags[i] = fmt.Sprint("t", i)
		}
		return tags
	}
	pairs := func(n int) map[string]string {
		m := map[string]string{}
		for _, key := range list(n) {
			m[key] = ""
		}
		return m
	}
	checks := func(n int) (checks []registry.Check) {
		for _, name := range list(n) {
			checks = append(checks, registry.Check{Name: name, Type: registry.CheckTCP})
		}
		return checks
	}
	span := func(d time.Duration) registry.Duration { return registry.Duration(d) }
	of := func(edit func(*registry.Instance)) registry.Instance {
		i := instance(nil)
		edit(&i) // after Normalize, so that nothing is filled in
		return i
	}
	check := func(edit func(*registry.Check)) registry.Instance {
		i := checked(nil)
		edit(&i.Checks[0])
		return i
	}
	lease := func(ttl, after time.Duration) registry.Instance {
		return of(func(i *registry.Instance) { i.Lease = &registry.Lease{TTL: span(ttl), DeregisterAfter: span(after)} })
	}

	for _, c := range []struct {
		field    string
		instance registry.Instance
		valid    bool
	}{
		{"service", of(func(i *registry.Instance) { i.Service = long(128) }), true},
		{"service", of(func(i *registry.Instance) { i.Service = long(129) }), false},
		{"id", of(func(i *registry.Instance) { i.ID = long(128) }), true},
		{"id", of(func(i *registry.Instance) { i.ID = long(129) }), false},
		{"id", of(func(i *registry.Instance) { i.ID = "" }), false},
		{"port", of(func(i *registry.Instance) { i.Port = 1 }), true},
		{"port", of(func(i *registry.Instance) { i.Port = 65_535 }), true},
		{"port", of(func(i *registry.Instance) { i.Port = 0 }), false},
		{"port", of(func(i *registry.Instance) { i.Port = -1 }), false},
		{"port", of(func(i *registry.Instance) { i.Port = 65_536 }), false},
		{"zone", of(func(i *registry.Instance) { i.Zone = long(128) }), true},
		{"zone", of(func(i *registry.Instance) { i.Zone = long(129) }), false},
		{"weight", of(func(i *registry.Instance) { i.Weight = 1 }), true},
		{"weight", of(func(i *registry.Instance) { i.Weight = 65_535 }), true},
		{"weight", of(func(i *registry.Instance) { i.Weight = 0 }), false}, // Normalize was forgotten
		{"weight", of(func(i *registry.Instance) { i.Weight = -1 }), false},
		{"weight", of(func(i *registry.Instance) { i.Weight = 65_536 }), false},

		{"tags", of(func(i *registry.Instance) { i.Tags = list(64) }), true},
		{"tags", of(func(i *registry.Instance) { i.Tags = list(65) }), false},
		{"tags[0]", of(func(i *registry.Instance) { i.Tags = []string{long(128)} }), true},
		{"tags[0]", of(func(i *registry.Instance) { i.Tags = []string{long(129)} }), false},
		{"tags[0]", of(func(i *registry.Instance) { i.Tags = []string{strings.Repeat("ü", 65)} }), false}, // bytes, not letters
		{"tags[1]", of(func(i *registry.Instance) { i.Tags = []string{"a", ""} }), false},
		{"metadata", of(func(i *registry.Instance) { i.Metadata = pairs(64) }), true},
		{"metadata", of(func(i *registry.Instance) { i.Metadata = pairs(65) }), false},
		{"metadata", of(func(i *registry.Instance) { i.Metadata = map[string]string{long(128): ""} }), true},
		{fmt.Sprintf("metadata[%q]", long(129)), of(func(i *registry.Instance) { i.Metadata = map[string]string{long(129): ""} }), false},
		{`metadata[""]`, of(func(i *registry.Instance) { i.Metadata = map[string]string{"": "v"} }), false},
		{`metadata["k"]`, of(func(i *registry.Instance) { i.Metadata = map[string]string{"k": long(1_024)} }), true},
		{`metadata["k"]`, of(func(i *registry.Instance) { i.Metadata = map[string]string{"k": long(1_025)} }), false},

		{"lease.ttl", lease(time.Second, 0), true},
		{"lease.ttl", lease(24*time.Hour, 0), true},
		{"lease.ttl", lease(0, 0), false},
		{"lease.ttl", lease(-time.Second, 0), false},
		{"lease.ttl", lease(time.Second-1, 0), false},
		{"lease.ttl", lease(24*time.Hour+1, 0), false},
		{"lease.deregister_after", lease(time.Minute, time.Second), true},
		{"lease.deregister_after", lease(time.Minute, 365*24*time.Hour), true},
		{"lease.deregister_after", lease(time.Minute, -1), false},
		{"lease.deregister_after", lease(time.Minute, time.Second-1), false},
		{"lease.deregister_after", lease(time.Minute, 1<<63-1), false},

		{"checks", of(func(i *registry.Instance) { *i = instance(func(i *registry.Instance) { i.Checks = checks(16) }) }), true},
		{"checks", of(func(i *registry.Instance) { *i = instance(func(i *registry.Instance) { i.Checks = checks(17) }) }), false},
		{"checks[0].name", check(func(c *registry.Check) { c.Name = long(128) }), true},
		{"checks[0].name", check(func(c *registry.Check) { c.Name = long(129) }), false},
		{"checks[0].name", check(func(c *registry.Check) { c.Name = "" }), false},
		{"checks[0].type", check(func(c *registry.Check) { c.Type = "script" }), false},
		{"checks[0].type", check(func(c *registry.Check) { c.Type = "" }), false},
		{"checks[0].port", check(func(c *registry.Check) { c.Port = 65_535 }), true},
		{"checks[0].port", check(func(c *registry.Check) { c.Port = 65_536 }), false},
		{"checks[0].port", check(func(c *registry.Check) { c.Port = -1 }), false},
		{"checks[0].interval", check(func(c *registry.Check) { c.Interval, c.Timeout = span(time.Second), span(time.Second) }), true},
		{"checks[0].interval", check(func(c *registry.Check) { c.Interval = span(24 * time.Hour) }), true},
		{"checks[0].interval", check(func(c *registry.Check) { c.Interval = span(time.Second - 1) }), false},
		{"checks[0].interval", check(func(c *registry.Check) { c.Interval = span(24*time.Hour + 1) }), false},
		{"checks[0].timeout", check(func(c *registry.Check) { c.Timeout = 1 }), true},
		{"checks[0].timeout", check(func(c *registry.Check) { c.Timeout = 0 }), false},
		{"checks[0].timeout", check(func(c *registry.Check) { c.Timeout = -1 }), false},
		{"checks[0].timeout", check(func(c *registry.Check) { c.Timeout = c.Interval + 1 }), false},
		{"checks[0].rise", check(func(c *registry.Check) { c.Rise = 1_000 }), true},
		{"checks[0].rise", check(func(c *registry.Check) { c.Rise = 0 }), false},
		{"checks[0].rise", check(func(c *registry.Check) { c.Rise = 1_001 }), false},
		{"checks[0].fall", check(func(c *registry.Check) { c.Fall = 1_000 }), true},
		{"checks[0].fall", check(func(c *registry.Check) { c.Fall = -1 }), false},
		{"checks[0].fall", check(func(c *registry.Check) { c.Fall = 1_001 }), false},

		{"checks[0].path", check(func(c *registry.Check) { c.Path = "/" + long(1_023) }), true},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "/" + long(1_024) }), false},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "/deep?x=1&y=%2F" }), true},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "" }), false},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "health" }), false},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "http://169.254.169.254/" }), false},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "@169.254.169.254/" }), false},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "/a b" }), false},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "/a#b" }), false},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "/%zz" }), false},
		{"checks[0].path", check(func(c *registry.Check) { c.Path = "/ HTTP/1.1\r\nHost: x" }), false},
		{"checks[0].method", check(func(c *registry.Check) { c.Method = "HEAD" }), true},
		{"checks[0].method", check(func(c *registry.Check) { c.Method = "DELETE" }), false},
		{"checks[0].method", check(func(c *registry.Check) { c.Method = "" }), false},
		{"checks[0].headers", check(func(c *registry.Check) { c.Headers = pairs(32) }), true},
		{"checks[0].headers", check(func(c *registry.Check) { c.Headers = pairs(33) }), false},
		{"checks[0].headers", check(func(c *registry.Check) { c.Headers = map[string]string{long(128): ""} }), true},
		{"checks[0].headers", check(func(c *registry.Check) { c.Headers = map[string]string{long(129): ""} }), false},
		{"checks[0].headers", check(func(c *registry.Check) { c.Headers = map[string]string{"": "v"} }), false},
		{"checks[0].headers", check(func(c *registry.Check) { c.Headers = map[string]string{"a b": "v"} }), false},
		{"checks[0].headers", check(func(c *registry.Check) { c.Headers = map[string]string{"a\r\nb": "v"} }), false},
		{`checks[0].headers["H"]`, check(func(c *registry.Check) { c.Headers = map[string]string{"H": long(1_024)} }), true},
		{`checks[0].headers["H"]`, check(func(c *registry.Check) { c.Headers = map[string]string{"H": long(1_025)} }), false},
		{`checks[0].headers["H"]`, check(func(c *registry.Check) { c.Headers = map[string]string{"H": "v\r\nX: y"} }), false},
		{"checks[0].expect_status", check(func(c *registry.Check) { c.ExpectStatus = 100 }), true},
		{"checks[0].expect_status", check(func(c *registry.Check) { c.ExpectStatus = 599 }), true},
		{"checks[0].expect_status", check(func(c *registry.Check) { c.ExpectStatus = 99 }), false},
		{"checks[0].expect_status", check(func(c *registry.Check) { c.ExpectStatus = 600 }), false},
		{"checks[0].expect_body", check(func(c *registry.Check) { c.ExpectBody = "line\n" + long(1_019) }), true},
		{"checks[0].expect_body", check(func(c *registry.Check) { c.ExpectBody = long(1_025) }), false},
		{"checks[0].expect_body", check(func(c *registry.Check) { c.ExpectBody = "\xff" }), false},
		{"checks[0].tls_skip_verify", check(func(c *registry.Check) { c.TLS, c.TLSSkipVerify = true, true }), true},
		{"checks[0].tls_skip_verify", check(func(c *registry.Check) { c.TLSSkipVerify = true }), false},
	} {
		outcome, field := "accepts", ""
		if !c.valid {
			outcome, field = "refuses", c.field
		}
		t.Run(fmt.Sprintf("%s %.60s", outcome, c.field), func(t *testing.T) {
			wantInvalid(t, c.instance.Validate(), field)
		})
	}
}

func TestFieldsOfAnotherTypeOfCheckAreRefused(t *testing.T) {
	for field, edit := range map[string]func(*registry.Check){
		"path":            func(c *registry.Check) { c.Path = "/health" },
		"method":          func(c *registry.Check) { c.Method = "GET" },
		"headers":         func(c *registry.Check) { c.Headers = map[string]string{"a": "b"} },
		"expect_status":   func(c *registry.Check) { c.ExpectStatus = 200 },
		"expect_body":     func(c *registry.Check) { c.ExpectBody = "ok" },
		"grpc_service":    func(c *registry.Check) { c.GRPCService = "payments.v1" },
		"tls":             func(c *registry.Check) { c.TLS = true },
		"tls_skip_verify": func(c *registry.Check) { c.TLS, c.TLSSkipVerify = true, true },
	} {
		for kind, knows := range map[registry.CheckType]string{
			registry.CheckHTTP: "path method headers expect_status expect_body tls tls_skip_verify",
			registry.CheckTCP:  "",
			registry.CheckGRPC: "grpc_service tls tls_skip_verify",
		} {
			t.Run(fmt.Sprintf("%s of %s", field, kind), func(t *testing.T) {
				i := checked(func(c *registry.Check) { c.Type = kind })
				edit(&i.Checks[0])
				want := ""
				if !strings.Contains(" "+knows+" ", " "+field+" ") {
					want = "checks[0]." + strings.TrimSuffix(field, "_skip_verify") // tls itself is refused first
				}
				wantInvalid(t, i.Validate(), want)
			})
		}
	}
}

func TestTwoChecksOfOneNameAreRefused(t *testing.T) {
	i := instance(func(i *registry.Instance) {
		i.Checks = []registry.Check{{Type: registry.CheckHTTP}, {Type: registry.CheckTCP}, {Type: registry.CheckHTTP}}
	})
	wantInvalid(t, i.Validate(), "checks[2].name")
}
