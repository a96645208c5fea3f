package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

// instance returns a normalized document that keeps all rules, with what edit makes of it.
func instance(edit func(*registry.Instance)) registry.Instance {
	i := registry.Instance{Service: "payments", ID: "p1", Address: "10.0.0.7", Port: 8080}
	if edit != nil {
		edit(&i)
	}
	return i.Normalize()
}

// checked returns an instance with one http check, with what edit makes of that.
func checked(edit func(*registry.Check)) registry.Instance {
	c := registry.Check{Type: registry.CheckHTTP}
	if edit != nil {
		edit(&c)
	}
	return instance(func(i *registry.Instance) { i.Checks = []registry.Check{c} })
}

// wantInvalid checks that err names the field, or that there is none where field is empty.
func wantInvalid(t *testing.T, err error, field string) {
	t.Helper()
	if field == "" {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if err == nil {
		t.Errorf("accepted, want %s refused", field)
		return
	}
	invalid, ok := errors.AsType[*registry.InvalidError](err)
	if !ok || !errors.Is(err, registry.ErrInvalid) {
		t.Errorf("got %T %v, want an InvalidError", err, err)
		return
	}
	if invalid.Field != field {
		t.Errorf("got %q, want the field %s", invalid, field)
	}
	if invalid.Reason == "" {
		t.Errorf("%s: gives no reason", field)
	}
}

func TestNamesOfServicesAndInstances(t *testing.T) {
	for name, valid := range map[string]bool{
		"a":                              true,
		"payments":                       true,
		"Payments_v2.eu-1:8080":          true,
		"-":                              true,
		"10.0.0.7:8080":                  true,
		"2001:db8::1:8080":               true,
		"/from/consul":                   true,
		"from//consul/":                  true,
		"a/..b/c..":                      true,
		strings.Repeat("n", 128):         true,
		"":                               false,
		strings.Repeat("n", 129):         false,
		".hidden":                        false,
		".":                              false,
		"..":                             false,
		"../etc/passwd":                  false,
		"a/../../etc/passwd":             false,
		"a/..":                           false,
		"/..":                            false,
		"a/./b":                          false,
		`a\..\b`:                         false,
		"a%2F..%2Fb":                     false,
		"two words":                      false,
		"tab\t":                          false,
		"line\n":                         false,
		"nul\x00":                        false,
		"bell\a":                         false,
		"del\x7f":                        false,
		"zahlungen-ü":                    false,
		"pаyments":                       false, // a Cyrillic а
		"支払い":                            false,
		"right\u202eleft":                false,
		"zero\u200bwidth":                false,
		"bom\ufeff":                      false,
		"half\xff":                       false,
		"a?b":                            false,
		"a#b":                            false,
		"a*":                             false,
		"a;b":                            false,
		"a@b":                            false,
		"[::1]:80":                       false,
		"fe80::1%eth0:80":                false,
		"<script>":                       false,
		"${jndi:ldap://x}":               false,
		strings.Repeat("../", 1_000_000): false,
	} {
		label := name
		if len(label) > 40 {
			label = fmt.Sprintf("%s… of %d bytes", label[:10], len(name))
		}
		t.Run(fmt.Sprintf("%q", label), func(t *testing.T) {
			if registry.ValidName(name) != valid {
				t.Errorf("ValidName = %t", !valid)
			}
			service, id := "service", "id"
			if valid {
				service, id = "", ""
			}
			as := instance(nil)
			as.Service = name
			wantInvalid(t, as.Validate(), service)
			as = instance(nil)
			as.ID = name
			wantInvalid(t, as.Validate(), id)
			wantInvalid(t, registry.Deregister{Service: name, ID: "p1"}.Validate(), service)
			wantInvalid(t, registry.Deregister{Service: "payments", ID: name}.Validate(), id)
			report := registry.Report{Status: registry.Healthy}
			wantInvalid(t, registry.ReportHealth{Service: name, ID: "p1", Report: report}.Validate(), service)
			wantInvalid(t, registry.ReportHealth{Service: "payments", ID: name, Report: report}.Validate(), id)
			wantInvalid(t, registry.SetMaintenance{Service: name, ID: "p1"}.Validate(), service)
			wantInvalid(t, registry.SetMaintenance{Service: "payments", ID: name}.Validate(), id)
		})
	}
}

func TestAddresses(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	for address, valid := range map[string]bool{
		"10.0.0.7":                          true,
		"127.0.0.1":                         true, // refused, if at all, by who dials
		"169.254.1.1":                       true,
		"::1":                               true,
		"2001:db8::1":                       true,
		"2001:DB8:0:0:0:0:0:1":              true,
		"::ffff:10.0.0.7":                   true,
		"localhost":                         true,
		"payments-1.eu.internal":            true,
		"3com.com":                          true,
		"xn--bcher-kva.example":             true,
		"1.2.3.a4":                          true,
		label63 + ".example":                true,
		strings.Repeat("a.", 126) + "b":     true,
		"":                                  false,
		" ":                                 false,
		"10.0.0.7 ":                         false,
		"0.0.0.0":                           false,
		"::":                                false,
		"::ffff:0.0.0.0":                    false,
		"0:0:0:0:0:0:0:0":                   false,
		"224.0.0.1":                         false,
		"239.255.255.250":                   false,
		"ff02::1":                           false,
		"::ffff:224.0.0.1":                  false,
		"fe80::1%eth0":                      false,
		"[::1]":                             false,
		"10.0.0.7:8080":                     false,
		"[::1]:8080":                        false,
		"10.0.0.256":                        false,
		"10.0.0":                            false,
		"2130706433":                        false, // 127.0.0.1 to inet_aton
		"010.0.0.7":                         false,
		"host.":                             false,
		".host":                             false,
		"a..b":                              false,
		"-a.example":                        false,
		"a-.example":                        false,
		"under_score":                       false,
		"bücher.example":                    false,
		"right\u202eleft":                   false,
		"nul\x00":                           false,
		"a/../b":                            false,
		"user@host":                         false,
		"http://host":                       false,
		label63 + "a.example":               false,
		strings.Repeat("a.", 126) + "bc":    false,
		strings.Repeat("a", 1_000_000):      false,
		"169.254.169.254\r\nHost: metadata": false,
	} {
		t.Run(fmt.Sprintf("%.60q", address), func(t *testing.T) {
			field := "address"
			if valid {
				field = ""
			}
			i := instance(func(i *registry.Instance) { i.Address = address })
			wantInvalid(t, i.Validate(), field)
		})
	}
}

func TestTextsForPeople(t *testing.T) {
	for text, valid := range map[string]bool{
		"v2":                       true,
		"two words":                true,
		"Zürich – 東京 🚀":            true,
		"e\u0301":                  true, // a combining accent
		"a\u00a0b":                 true,
		"null\x00":                 false,
		"escape\x1b[31m":           false,
		"tab\t":                    false,
		"line\nline":               false,
		"del\x7f":                  false,
		"c1\u0085":                 false,
		"embedded right\u202aleft": false,
		"override\u202eevil":       false,
		"isolate\u2066x\u2069":     false,
		"mark\u200f":               false,
		"arabic mark\u061c":        false,
		"zero\u200bwidth":          false,
		"bom\ufeff":                false,
		"tag\U000e0041":            false,
		"line\u2028separator":      false,
		"private\ue000":            false,
		"unassigned\U000fffff":     false,
		"half\xff":                 false,
		"surrogate\xed\xa0\x80":    false,
	} {
		t.Run(fmt.Sprintf("%+q", text), func(t *testing.T) {
			for field, i := range map[string]registry.Instance{
				"zone":    instance(func(i *registry.Instance) { i.Zone = text }),
				"tags[1]": instance(func(i *registry.Instance) { i.Tags = []string{"fine", text} }),
				fmt.Sprintf("metadata[%q]", text): instance(func(i *registry.Instance) {
					i.Metadata = map[string]string{text: "fine"}
				}),
				`metadata["key"]`:        instance(func(i *registry.Instance) { i.Metadata = map[string]string{"key": text} }),
				"checks[0].name":         checked(func(c *registry.Check) { c.Name = text }),
				`checks[0].headers["H"]`: checked(func(c *registry.Check) { c.Headers = map[string]string{"H": text} }),
				"checks[0].grpc_service": checked(func(c *registry.Check) { c.Type, c.GRPCService = registry.CheckGRPC, text }),
			} {
				if valid {
					field = ""
				}
				wantInvalid(t, i.Validate(), field)
			}
			field := "reason"
			if valid {
				field = ""
			}
			wantInvalid(t, registry.SetMaintenance{Service: "payments", ID: "p1",
				Maintenance: registry.Maintenance{Enabled: true, Reason: text}}.Validate(), field)
		})
	}
}

// A check that could never be made as it says is better refused than made in another way.
func TestChecksThatNobodyWouldMake(t *testing.T) {
	for name, valid := range map[string]bool{
		"Host": false, "authorization": false, "Cookie": false, "connection": false, "Transfer-Encoding": false, "TE": false,
		"Accept": true, "X-Probe": true, "User-Agent": true,
	} {
		i := checked(func(c *registry.Check) { c.Headers = map[string]string{name: "x"} })
		field := "checks[0].headers"
		if valid {
			field = ""
		}
		wantInvalid(t, i.Validate(), field)
	}
	for timeout, field := range map[time.Duration]string{
		registry.MaxCheckTimeout: "", registry.MaxCheckTimeout + time.Second: "checks[0].timeout",
	} {
		i := checked(func(c *registry.Check) {
			c.Interval, c.Timeout = registry.Duration(time.Hour), registry.Duration(timeout)
		})
		wantInvalid(t, i.Validate(), field)
	}
}

// What was registered before a rule came stays: rules are for those who ask, and not for the log.
func TestWhatIsInTheStateStaysWhateverTheRulesHaveBecome(t *testing.T) {
	old := checked(func(c *registry.Check) { c.Headers = map[string]string{"Host": "x"} })
	state := applyAll(t, registry.Register{Instance: old})
	if _, err := state.Instance(old.Service, old.ID); err != nil {
		t.Error(err)
	}
	edit := registry.NewState().Edit()
	i := old
	edit.Put(&i)
	if edit.Commit().Len() != 1 {
		t.Error("it was not loaded")
	}
}
