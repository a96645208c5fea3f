package registry_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

func TestDurationsInJSON(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                          `"0s"`,
		15 * time.Second:           `"15s"`,
		10 * time.Minute:           `"10m"`,
		24 * time.Hour:             `"24h"`,
		time.Hour + time.Second:    `"1h0m1s"`,
		time.Hour + 20*time.Minute: `"1h20m"`,
		90 * time.Second:           `"1m30s"`,
		100 * time.Second:          `"1m40s"`,
		1500 * time.Microsecond:    `"1.5ms"`,
		-10 * time.Minute:          `"-10m"`,
		1<<63 - 1:                  `"2562047h47m16.854775807s"`,
		-1 << 63:                   `"-2562047h47m16.854775808s"`,
	} {
		b, err := json.Marshal(registry.Duration(d))
		if err != nil || string(b) != want {
			t.Errorf("%v is written as %s, %v", d, b, err)
		}
		var back registry.Duration
		if err := json.Unmarshal(b, &back); err != nil || time.Duration(back) != d {
			t.Errorf("%s is read as %v, %v", b, back, err)
		}
	}
}

func TestDurationsThatAreNone(t *testing.T) {
	for text, says := range map[string]string{
		`15`:            `a string with a unit such as "15s", not 15`,
		`1.5`:           `a string with a unit`,
		`true`:          `a string with a unit`,
		`{}`:            `a string with a unit`,
		`""`:            `looks like "15s" or "1m30s", not ""`,
		`"15"`:          `not "15"`,
		`"1d"`:          `not "1d"`,
		`"15 s"`:        `not "15 s"`,
		`"9999999999h"`: `not "9999999999h"`,
	} {
		d := registry.Duration(time.Second)
		err := json.Unmarshal([]byte(text), &d)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want it to say %s", text, err, says)
		}
		if d != registry.Duration(time.Second) {
			t.Errorf("%s: left %v behind", text, d)
		}
	}
	lease := registry.Lease{TTL: 1}
	if err := json.Unmarshal([]byte(`{"ttl": null}`), &lease); err != nil || lease.TTL != 1 {
		t.Errorf("null is not taken as absent: %v, %v", lease, err)
	}
}

func FuzzDuration(f *testing.F) {
	for _, seed := range []string{`"15s"`, `"1h0m1s"`, `"-10m"`, `"2562047h47m16.854775807s"`, `15`, `null`, `"`, `"1e9s"`, `".5m"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d, back registry.Duration
		if json.Unmarshal(b, &d) != nil {
			return
		}
		written, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &back); err != nil || back != d {
			t.Errorf("%s is %d, written as %s, read as %d, %v", b, d, written, back, err)
		}
	})
}
