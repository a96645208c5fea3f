package checks

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// books is a state with its history, without a cluster.
type books struct {
	t       testing.TB
	state   *registry.State
	now     time.Time
	history map[string][]*record.Transition // by instance, the newest first
	bench   *bench
}

func newBooks(t testing.TB) *books {
	b := &books{t: t, state: registry.NewState(), now: time.Unix(1_000_000, 0), history: map[string][]*record.Transition{}}
	b.bench = newBench(b)
	return b
}

func (b *books) History(service, id string, _ uint64) []*record.Transition {
	return b.history[service+"/"+id]
}

func (b *books) apply(ops ...registry.Operation) {
	edit := b.state.Edit()
	if _, err := edit.Apply(b.state.Index()+1, ops...); err != nil {
		b.t.Fatal(err)
	}
	for c := range edit.ChangesFrom(0) {
		from, to := registry.ConditionOf(c.Old), registry.ConditionOf(c.New)
		if from == to {
			continue
		}
		rule, check, cause := registry.Reason(c.By)
		of := c.Instance().Service + "/" + c.Instance().ID
		t := &record.Transition{Time: b.now.UnixNano(), From: from, To: to, Cause: &record.Cause{Rule: rule, Check: check, Cause: cause}}
		b.history[of] = append([]*record.Transition{t}, b.history[of]...)
	}
	b.state = edit.Commit()
}

// register adds healthy instances of payments to a zone.
func (b *books) register(zone string, ids ...string) {
	for _, id := range ids {
		i := registry.Instance{Service: "payments", ID: id, Address: "10.0.0.1", Port: 80, Zone: zone, Checks: []registry.Check{{Type: registry.CheckTCP}, {Name: "other", Type: registry.CheckTCP}}}
		b.apply(registry.Register{Instance: i.Normalize()})
		for _, c := range []string{"tcp", "other"} {
			b.apply(registry.JudgeCheck{Service: "payments", ID: id, Incarnation: b.instance(id).Incarnation, Check: c, Report: registry.Report{Status: registry.Healthy}})
		}
	}
	b.history = map[string][]*record.Transition{}
}

func (b *books) instance(id string) *registry.Instance {
	i, err := b.state.Instance("payments", id)
	if err != nil {
		b.t.Fatal(err)
	}
	return i
}

func (b *books) finding(id string, status registry.Status, silent bool) Finding {
	return Finding{
		Service: "payments", ID: id, Incarnation: b.instance(id).Incarnation, Check: "tcp", Status: status, Silent: silent,
		Output: "what was seen", Evidence: "what was seen", SeenBy: []string{"n1"},
	}
}

// decide has findings decided to their end.
func (b *books) decide(findings ...Finding) (entries int) {
	for len(findings) > 0 {
		r := b.bench.rule(b.state, b.now, findings)
		if len(r.operations) > 0 {
			b.apply(r.operations...)
			entries++
		}
		findings = r.later
	}
	return entries
}

func ids(prefix string, many int) (all []string) {
	for n := range many {
		all = append(all, fmt.Sprintf("%s%03d", prefix, n))
	}
	return all
}

func TestEachZoneLosesItsOwnFifth(t *testing.T) {
	b := newBooks(t)
	b.register("east", ids("e", 10)...)
	b.register("west", ids("w", 3)...)
	var all []Finding
	for _, id := range append(ids("e", 10), ids("w", 3)...) {
		all = append(all, b.finding(id, registry.Unhealthy, true))
	}
	b.decide(all...)
	s := b.state.Service("payments")
	if s.Healthy() != 13-2-1 || s.Preserved() != 10 {
		t.Fatalf("%d healthy, %d preserved", s.Healthy(), s.Preserved())
	}
	c := b.instance("e009").Checks[0]
	want := "what was seen; it is kept all the same, since silence took out 2 of the 10 instances of payments in zone east within 1m, and may take out no more than 2"
	if c.Status != registry.Warning || c.Output != want {
		t.Errorf("it is %s: %s", c.Status, c.Output)
	}
	if entries := b.decide(all...); entries != 0 {
		t.Error("the same findings once more are worth an entry")
	}
}

func TestStrongEvidenceNeedsNoBudgetAndTakesNone(t *testing.T) {
	b := newBooks(t)
	b.register("", ids("i", 10)...)
	for _, id := range ids("i", 8) {
		b.decide(b.finding(id, registry.Unhealthy, false))
	}
	if h := b.state.Service("payments").Healthy(); h != 2 {
		t.Fatalf("%d are healthy", h)
	}
	b.decide(b.finding("i008", registry.Unhealthy, true), b.finding("i009", registry.Unhealthy, true))
	if h := b.state.Service("payments").Healthy(); h != 0 {
		t.Errorf("%d are healthy: what was refused took from what silence may take", h)
	}
}

func TestAPreservedInstanceGoesWithStrongEvidenceAndComesBackWithAnAnswer(t *testing.T) {
	b := newBooks(t)
	b.register("", ids("i", 4)...)
	for _, id := range ids("i", 3) {
		b.decide(b.finding(id, registry.Unhealthy, true))
	}
	if !b.instance("i001").Preserved() || !b.instance("i002").Preserved() {
		t.Fatal("nothing is preserved")
	}
	b.decide(b.finding("i001", registry.Unhealthy, false), b.finding("i002", registry.Healthy, false))
	if i := b.instance("i001"); i.Status != registry.Unhealthy || i.Preserved() {
		t.Errorf("what was refused is %s", i.Status)
	}
	if i := b.instance("i002"); i.Checks[0].Status != registry.Healthy || i.Preserved() {
		t.Errorf("what answers is %s", i.Checks[0].Status)
	}
}

func TestAPreservedInstanceThatIsPartlyReachedIsNotPreservedAnyMore(t *testing.T) {
	b := newBooks(t)
	b.register("", ids("i", 2)...)
	for _, id := range ids("i", 2) {
		b.decide(b.finding(id, registry.Unhealthy, true))
	}
	b.decide(b.finding("i001", registry.Warning, false))
	if i := b.instance("i001"); i.Checks[0].Status != registry.Warning || i.Preserved() {
		t.Errorf("it is %s, preserved: %t", i.Checks[0].Status, i.Preserved())
	}
}

func TestSilenceMayTakeOutTheSameInstanceAgain(t *testing.T) {
	b := newBooks(t)
	b.register("", "i0", "i1")
	b.decide(b.finding("i0", registry.Unhealthy, true))
	b.decide(b.finding("i0", registry.Healthy, false))
	b.decide(b.finding("i0", registry.Unhealthy, true))
	if s := b.instance("i0").Status; s != registry.Unhealthy {
		t.Errorf("it is %s", s)
	}
}

func TestWhatIsOutAlreadyNeedsNoBudget(t *testing.T) {
	b := newBooks(t)
	b.register("", ids("i", 4)...)
	b.apply(registry.SetMaintenance{Service: "payments", ID: "i000", Maintenance: registry.Maintenance{Enabled: true}})
	b.apply(registry.ReportHealth{Service: "payments", ID: "i001", Report: registry.Report{Status: registry.Unhealthy}})
	for _, id := range ids("i", 3) {
		b.decide(b.finding(id, registry.Unhealthy, true))
	}
	for _, id := range ids("i", 3) {
		if c := b.instance(id).Checks[0]; c.Status != registry.Unhealthy {
			t.Errorf("%s is %s: %s", id, c.Status, c.Output)
		}
	}
}

func TestAFindingOfWhatHasMovedOnIsVoid(t *testing.T) {
	b := newBooks(t)
	b.register("", "i0", "i1", "i2")
	old, gone, other := b.finding("i0", registry.Unhealthy, false), b.finding("i1", registry.Unhealthy, false), b.finding("i2", registry.Unhealthy, false)
	again := *b.instance("i0").Clone()
	again.Port++
	b.apply(registry.Register{Instance: again.Normalize()})
	b.apply(registry.Deregister{Service: "payments", ID: "i1"})
	other.Check = "gone"
	if entries := b.decide(old, gone, other); entries != 0 {
		t.Error("it was decided")
	}
}

func TestAnEntryJudgesEachInstanceOnce(t *testing.T) {
	b := newBooks(t)
	b.register("", "i0")
	first, second := b.finding("i0", registry.Unhealthy, false), b.finding("i0", registry.Unhealthy, true)
	second.Check = "other"
	if entries := b.decide(first, second); entries != 2 {
		t.Errorf("it took %d entries", entries)
	}
	for _, c := range b.instance("i0").Checks {
		if c.Status != registry.Unhealthy {
			t.Errorf("%s is %s", c.Name, c.Status)
		}
	}
}

func TestAnEntryHoldsNoMoreThanAWriteMay(t *testing.T) {
	b := newBooks(t)
	b.register("", ids("i", maxOperations+1)...)
	var all []Finding
	for _, id := range ids("i", maxOperations+1) {
		all = append(all, b.finding(id, registry.Unhealthy, false))
	}
	if entries := b.decide(all...); entries != 2 || b.state.Service("payments").Healthy() != 0 {
		t.Errorf("it took %d entries, and %d are healthy", entries, b.state.Service("payments").Healthy())
	}
}

func TestARulingThatWasNotCarriedOutCostsNothing(t *testing.T) {
	b := newBooks(t)
	b.register("", ids("i", 4)...)
	b.bench.revoke(b.bench.rule(b.state, b.now, []Finding{b.finding("i000", registry.Unhealthy, true)}))
	b.decide(b.finding("i001", registry.Unhealthy, true))
	if b.instance("i001").Status != registry.Unhealthy {
		t.Error("the budget is spent although nothing was taken out")
	}
}

func TestANoticeOfDampingSaysUntilWhenAndIsNotRepeated(t *testing.T) {
	b := newBooks(t)
	b.register("", "i0")
	for range 3 {
		b.decide(b.finding("i0", registry.Healthy, false))
		b.now = b.now.Add(time.Second)
		b.decide(b.finding("i0", registry.Unhealthy, false))
		b.now = b.now.Add(time.Second)
	}
	well := b.finding("i0", registry.Healthy, false)
	if b.decide(well) != 1 {
		t.Fatal("nothing was told")
	}
	until := b.now.Add(firstHold).UTC().Format(time.RFC3339)
	if c := b.instance("i0").Checks[0]; c.Status != registry.Unhealthy || !strings.HasSuffix(c.Output, "not before "+until) {
		t.Errorf("it is %s: %s", c.Status, c.Output)
	}
	for range 29 {
		b.now, well.Well = b.now.Add(time.Second), well.Well+time.Second
		if b.decide(well) != 0 {
			t.Fatalf("after %s: %s", well.Well, b.instance("i0").Checks[0].Output)
		}
	}
	well.Well += time.Second
	if b.decide(well) != 1 || b.instance("i0").Status != registry.Healthy {
		t.Error("it does not come back")
	}
}

// Whatever nodes find, and whoever leads: silence never takes out more than a fifth in any minute.
func TestTheBudgetHoldsInEveryMinute(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBooks(t)
		many := rapid.IntRange(1, 23).Draw(rt, "instances")
		all := ids("i", many)
		b.register("", all...)
		taken := map[string][]time.Time{}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			b.now = b.now.Add(time.Duration(rapid.IntRange(0, 40_000).Draw(rt, "milliseconds")) * time.Millisecond)
			if rapid.IntRange(0, 5).Draw(rt, "election") == 0 {
				b.bench = newBench(b)
			}
			var findings []Finding
			for _, id := range rapid.SliceOfN(rapid.SampledFrom(all), 1, 8).Draw(rt, "of") {
				status := rapid.SampledFrom([]registry.Status{registry.Unhealthy, registry.Unhealthy, registry.Healthy}).Draw(rt, "status")
				f := b.finding(id, status, status == registry.Unhealthy)
				f.Well = time.Hour
				findings = append(findings, f)
			}
			r := b.bench.rule(b.state, b.now, findings)
			if rapid.IntRange(0, 7).Draw(rt, "lost") == 0 {
				b.bench.revoke(r)
				continue
			}
			before := map[string]registry.Status{}
			for _, id := range all {
				before[id] = b.instance(id).Status
			}
			if len(r.operations) > 0 {
				b.apply(r.operations...)
			}
			for _, id := range all {
				if before[id] == registry.Healthy && b.instance(id).Status == registry.Unhealthy {
					taken[id] = append(taken[id], b.now)
				}
			}
			within := 0
			for _, times := range taken {
				if b.now.Sub(times[len(times)-1]) < time.Minute {
					within++
				}
			}
			if within > mayGo(many) {
				rt.Fatalf("silence took out %d of %d within a minute", within, many)
			}
		}
	})
}

// However it toggles, there are few transitions in five minutes.
func TestTogglingMakesFewTransitions(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBooks(t)
		b.register("", "i0")
		well := time.Duration(0)
		for range 300 {
			b.now = b.now.Add(time.Second)
			if rapid.IntRange(0, 3).Draw(rt, "good") == 0 {
				f := b.finding("i0", registry.Healthy, false)
				f.Well = well
				well += time.Second
				b.decide(f)
			} else {
				well = 0
				b.decide(b.finding("i0", registry.Unhealthy, false))
			}
		}
		if came := len(b.history["payments/i0"]); came > 6 {
			rt.Fatalf("%d transitions", came)
		}
	})
}
