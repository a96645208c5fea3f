package registry_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

// filtered is an instance that has something in every field, as it stands in a State.
func filtered(t testing.TB) *registry.Instance {
	t.Helper()
	edit := registry.NewState().Edit()
	results, err := edit.Apply(7, register(instance(func(i *registry.Instance) {
		i.Zone, i.Tags = "eu-1a", []string{"v2", "canary"}
		i.Metadata = map[string]string{"version": "2.3.1", "a.b": "dotted", "empty": ""}
		i.Lease = &registry.Lease{TTL: registry.Duration(15 * time.Second), DeregisterAfter: registry.Duration(10 * time.Minute)}
		i.Checks = []registry.Check{{Type: registry.CheckHTTP, Headers: map[string]string{"Host": "x"}}, {Type: registry.CheckTCP}}
	})))
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Instance
}

func TestFilters(t *testing.T) {
	full := filtered(t)
	bare := applyAll(t, register(named("bare", "1"))).Service("bare").Get("1")
	for expression, want := range map[string]struct{ full, bare bool }{
		`service == payments`:           {true, false},
		`service != "payments"`:         {false, true},
		`id == "1"`:                     {false, true},
		`port == 8080`:                  {true, true},
		`port != 8080 or weight == 100`: {true, true},
		`not port == 8080`:              {false, false},
		`status == healthy`:             {false, true},
		`status == "unknown"`:           {true, false},
		`address matches "^10\\."`:      {true, true},
		`zone is empty`:                 {false, true},
		`zone == "eu-1a" and create_index == 7 and modify_index == 7 and incarnation == 7`: {true, false},

		`"v2" in tags`:                     {true, false},
		`v2 not in tags`:                   {false, true},
		`tags contains "canary"`:           {true, false},
		`tags is empty`:                    {false, true},
		`tags.0 == "v2"`:                   {true, false}, // no such tag is no match
		`tags.0 != "v2"`:                   {false, false},
		`any tags as t { t == "canary" }`:  {true, false},
		`all tags as t { t matches "^v" }`: {false, true},

		`metadata.version == "2.3.1"`:            {true, false},
		`metadata.version != "2.3.1"`:            {false, true}, // what is not there equals nothing
		`not metadata.version == "2.3.1"`:        {false, true},
		`metadata["a.b"] == dotted`:              {true, false},
		`metadata.empty == ""`:                   {true, false},
		`metadata.empty is empty`:                {true, true},
		`version in metadata`:                    {true, false},
		`metadata.version matches "^2\\."`:       {true, false},
		`"3" in metadata.version`:                {true, false},
		`any metadata as k, v { v == "dotted" }`: {true, false},
		`any metadata as k { k == "version" }`:   {true, false},

		`maintenance.enabled == false`: {true, true},
		`maintenance.enabled == true`:  {false, false},
		`reported.status is empty`:     {true, true},

		`lease is nil`:                            {false, true},
		`lease is not nil`:                        {true, false},
		`lease.ttl == "15s"`:                      {true, false},
		`lease.ttl != "15s"`:                      {false, true},
		`lease.deregister_after == "10m"`:         {true, false},
		`lease.ttl == "15s" or service == "bare"`: {true, true},
		`lease.ttl matches "s$" and port == 8080`: {true, false},

		`checks is not empty`:                                     {true, false},
		`checks.1.type == tcp`:                                    {true, false},
		`checks.0.headers.Host == "x"`:                            {true, false},
		`any checks as c { c.interval == "10s" and c.rise == 1 }`: {true, false},
		`all checks as c { c.status == "unknown" }`:               {true, true},
		`any checks as n, c { n == 1 and c.type == "tcp" }`:       {true, false},
		`any checks as c { any c.headers as k, v { v == "x" } }`:  {true, false},
	} {
		t.Run(expression, func(t *testing.T) {
			f, err := registry.CompileFilter(expression)
			if err != nil {
				t.Fatal(err)
			}
			if f.String() != expression {
				t.Errorf("String = %q", f)
			}
			if got := f.Match(full); got != want.full {
				t.Errorf("the full instance: %t", got)
			}
			if got := f.Match(bare); got != want.bare {
				t.Errorf("the bare instance: %t", got)
			}
		})
	}
}

func TestFiltersThatCannotBe(t *testing.T) {
	for expression, says := range map[string]string{
		``:                                "no match found",
		`zone`:                            "no match found",
		`zone = "a"`:                      "no match found",
		`zone == "a`:                      "Unterminated",
		`(zone == a`:                      "Unmatched parentheses",
		`prot == 80`:                      `unknown field "prot"; there are address, checks`,
		`zone == a or prot == 80`:         `unknown field "prot"`, // also where nothing evaluates it
		`not prot == 80`:                  `unknown field "prot"`,
		`Service == a`:                    `unknown field "Service"`, // the name in Go is no name
		`lease.TTL == "15s"`:              `unknown field "lease.TTL"; there are deregister_after, ttl`,
		`checks.0.nmae == a`:              `unknown field "checks.0.nmae"`,
		`any checks as c { c.nmae == a }`: `unknown field "c.nmae"`,
		`any prot as p { p == a }`:        `unknown field "prot"`,
		`any zone as z { z == a }`:        "zone is not a list or a map",
		`any tags as t, t { t == a }`:     `cannot be both the index and the value`,
		`any tags as t { t.x == a }`:      `t has no field "x": it is a string`,
		`metadata.a.b == c`:               `metadata.a has no field "b": it is a string`,
		`tags.first == a`:                 `"first" is not a position in the list tags`,
		`tags.-1 == a`:                    "no match found",
		`port == http`:                    `port is a number, and "http" is none`,
		`create_index == "-1"`:            `create_index is a number, and "-1" is none`,
		`maintenance.enabled == yes`:      `maintenance.enabled is a boolean, and "yes" is none`,
		`tags == a`:                       `"equal" does not work on tags, which is a list`,
		`metadata != a`:                   `"not equal" does not work on metadata, which is a map`,
		`lease == a`:                      `"equal" does not work on lease, which is an object`,
		`lease is empty`:                  `"is empty" does not work on lease, which is an object`,
		`maintenance is nil`:              `"is nil" does not work on maintenance, which is an object`,
		`service is nil`:                  `"is nil" does not work on service, which is a string`,
		`port matches "8"`:                `"matches" does not work on port, which is a number`,
		`tags matches "v"`:                `"matches" does not work on tags, which is a list`,
		`"a" in port`:                     `"in" does not work on port, which is a number`,
		`"a" in checks`:                   `"in" does not work on checks, which is a list`,
		`zone matches "("`:                "missing closing )",
		"zone == \x00":                    "no match found",
		"zone == \xff":                    "invalid encoding",
		`zone == "` + strings.Repeat("a", 4_096) + `"`:                        "at most 4096",
		strings.Repeat("(", 100) + "zone == a" + strings.Repeat(")", 100):     "max number of expressions",
		strings.Repeat("not (", 500) + "zone == a" + strings.Repeat(")", 500): "max number of expressions",
	} {
		t.Run(fmt.Sprintf("%.60q", expression), func(t *testing.T) {
			_, err := registry.CompileFilter(expression)
			wantInvalid(t, err, "filter")
			if err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want it to say %s", err, says)
			}
		})
	}
}

func TestAFilterIsSharedByGoroutines(t *testing.T) {
	f, err := registry.CompileFilter(`zone matches "^eu" or address matches "^10"`)
	if err != nil {
		t.Fatal(err)
	}
	i := filtered(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if !f.Match(i) {
				t.Error("no match")
			}
		})
	}
	wg.Wait()
}

func FuzzCompileFilter(f *testing.F) {
	for _, seed := range []string{
		`zone == "eu-1a" and "v2" in tags and metadata.version matches "^2\\."`,
		`lease is nil or any checks as c { c.status == "unhealthy" and c.interval == "10s" }`,
		`all metadata as k, v { not (v is empty) }`, `"/metadata/a~1b" != "x"`, `checks.0.headers["Host"] contains x`,
		`maintenance.enabled == true`, `((port == 80))`, `""`, `"" in "/`, `a.b.c == 0`, "zone == `a`",
	} {
		f.Add(seed)
	}
	full, bare := filtered(f), &registry.Instance{}
	f.Fuzz(func(t *testing.T, expression string) {
		filter, err := registry.CompileFilter(expression)
		if err != nil {
			wantInvalid(t, err, "filter")
			return
		}
		for _, i := range []*registry.Instance{full, bare} {
			first, again := filter.Match(i), filter.Match(i)
			if first != again {
				t.Errorf("%q cannot make up its mind", expression)
			}
		}
	})
}
