package lb_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/lb"
)

func TestLoadIsReadFromORCAsText(t *testing.T) {
	for header, want := range map[string]lb.Load{
		"":                          {},
		"TEXT cpu_utilization=0.3":  {CPU: 0.3},
		"TEXT cpu_utilization: 0.3": {CPU: 0.3},
		"TEXT application_utilization=1.5, mem_utilization=0.25,rps_fractional=120.5, named_metrics.in_flight=4, named_metrics.latency=0.02": {
			Utilization: 1.5, Memory: 0.25, RPS: 120.5, InFlight: 4, Latency: 20 * time.Millisecond,
		},
		"TEXT named_metrics.of_others=7, request_cost.db=3": {},
	} {
		got, err := lb.ParseLoad(header)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", header, err, diff)
		}
	}
	for _, header := range []string{"JSON {}", "TEXT", "TEXT cpu_utilization", "TEXT cpu_utilization=much", "TEXT cpu_utilization=-1", "TEXT x=NaN"} {
		if _, err := lb.ParseLoad(header); !errors.Is(err, lb.ErrInvalid) {
			t.Errorf("%q: the error is %v", header, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("TEXT cpu_utilization=0.3, named_metrics.in_flight=4, named_metrics.latency=1e300")
	f.Fuzz(func(t *testing.T, header string) {
		l, err := lb.ParseLoad(header)
		if err != nil {
			return
		}
		again, err := lb.ParseLoad(l.String())
		if err != nil {
			t.Fatalf("%q was read, and written as %q, which is not: %v", header, l, err)
		}
		if again.Latency-l.Latency > 1 || l.Latency-again.Latency > 1 {
			t.Fatalf("latency %v became %v", l.Latency, again.Latency)
		}
		again.Latency = l.Latency
		if again != l {
			t.Fatalf("%+v became %+v", l, again)
		}
	})
}
