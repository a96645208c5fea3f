package checks

import (
	"testing"
	"time"

	"github.com/musterhq/muster/registry"
)

// The history of the instance says nothing of a check that toggles while another one is unhealthy.
func TestACheckThatTogglesUnseenMakesFewEntries(t *testing.T) {
	hide := map[string]func(b *books){
		"behind another check": func(b *books) {
			other := b.finding("i0", registry.Unhealthy, false)
			other.Check = "other"
			b.decide(other)
		},
		"in maintenance": func(b *books) {
			b.apply(registry.SetMaintenance{Service: "payments", ID: "i0", Maintenance: registry.Maintenance{Enabled: true}})
		},
		"behind a report by hand": func(b *books) {
			b.apply(registry.ReportHealth{Service: "payments", ID: "i0", Report: registry.Report{Status: registry.Unhealthy}})
		},
	}
	show := map[string]func(b *books){
		"behind another check": func(b *books) {
			other := b.finding("i0", registry.Healthy, false)
			other.Check = "other"
			b.decide(other)
		},
		"in maintenance": func(b *books) {
			b.apply(registry.SetMaintenance{Service: "payments", ID: "i0"})
		},
		"behind a report by hand": func(b *books) {
			b.apply(registry.ReportHealth{Service: "payments", ID: "i0", Report: registry.Report{Status: registry.Healthy}})
		},
	}
	for name := range hide {
		t.Run(name, func(t *testing.T) {
			b := newBooks(t)
			b.register("", "i0")
			hide[name](b)
			entries := 0
			for n := range 300 {
				b.now = b.now.Add(time.Second)
				entries += b.decide(b.finding("i0", []registry.Status{registry.Unhealthy, registry.Healthy}[n%2], false))
			}
			if entries > 16 {
				t.Errorf("it took %d entries", entries)
			}
			show[name](b)
			b.decide(b.finding("i0", registry.Healthy, false))
			if i := b.instance("i0"); i.Status != registry.Healthy {
				t.Errorf("what nobody saw keeps the instance out: it is %s, %s", i.Status, i.Checks[0].Output)
			}
		})
	}
}

func TestACheckThatWasWellForLongEnoughIsShownSoThoughNobodySeesIt(t *testing.T) {
	b := newBooks(t)
	b.register("", "i0")
	b.apply(registry.SetMaintenance{Service: "payments", ID: "i0", Maintenance: registry.Maintenance{Enabled: true}})
	for range 3 {
		b.now = b.now.Add(time.Second)
		b.decide(b.finding("i0", registry.Healthy, false))
		b.decide(b.finding("i0", registry.Unhealthy, false))
	}
	well := b.finding("i0", registry.Healthy, false)
	for _, c := range []struct {
		well time.Duration
		want registry.Status
	}{{firstHold - time.Second, registry.Unhealthy}, {firstHold, registry.Healthy}} {
		well.Well = c.well
		b.decide(well)
		if got := b.instance("i0").Checks[0].Status; got != c.want {
			t.Errorf("after %s without a break the check is %s, want %s", c.well, got, c.want)
		}
	}
}

func TestFallsThatNobodySawAreForgotten(t *testing.T) {
	b := newBooks(t)
	b.register("", "i0", "i1")
	for _, id := range []string{"i0", "i1"} {
		b.apply(registry.SetMaintenance{Service: "payments", ID: id, Maintenance: registry.Maintenance{Enabled: true}})
	}
	b.bench.revoke(b.bench.rule(b.state, b.now, []Finding{b.finding("i1", registry.Unhealthy, false)}))
	if len(b.bench.falls.of) > 0 {
		t.Error("a fall counts that was not decided")
	}
	for _, id := range []string{"i0", "i1"} {
		b.decide(b.finding(id, registry.Unhealthy, false))
		b.now = b.now.Add(restlessWithin + longestHold + time.Second)
	}
	if len(b.bench.falls.of) != 1 {
		t.Errorf("falls of %d checks are remembered, want the last one's", len(b.bench.falls.of))
	}
}
