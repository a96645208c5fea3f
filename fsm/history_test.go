package fsm

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// told is what a machine tells of an instance, a line a transition, the newest first.
func told(m *Machine, service, id string) (lines []string) {
	for _, t := range m.History(service, id, m.Publisher().State().Index()) {
		words := []string{
			fmt.Sprintf("%d at %ds, term %d: %s to %s", t.Index, t.Time/1e9, t.Cause.Term, t.From, t.To),
			t.Cause.Rule.String(), t.Cause.Check, t.Cause.Evidence, strings.Join(t.Cause.SeenBy, "+"),
		}
		words = slices.DeleteFunc(words, func(word string) bool { return word == "" })
		lines = append(lines, strings.Join(words, ", "))
	}
	return lines
}

func reportOp(id, check string, status registry.Status, output string) registry.ReportHealth {
	return registry.ReportHealth{Service: "orders", ID: id, Check: check, Report: registry.Report{Status: status, Output: output}}
}

func maintainOp(id string, enabled bool, reason string) registry.SetMaintenance {
	return registry.SetMaintenance{Service: "orders", ID: id, Maintenance: registry.Maintenance{Enabled: enabled, Reason: reason}}
}

func TestTheHistoryTellsOfAWholeLife(t *testing.T) {
	m := newMachine()
	register := registerOp("orders", "i1", "1")
	register.Instance.Lease = &registry.Lease{TTL: 3e9}
	register.Instance.Checks = []registry.Check{{Name: "http", Type: registry.CheckHTTP}}
	lease := func(index uint64) registry.LeaseName {
		return registry.LeaseName{Service: "orders", ID: "i1", Index: index}
	}
	late := registry.Cause{Evidence: "no heartbeat for 3s", SeenBy: []string{"n1", "n2"}}
	for n, op := range []registry.Operation{
		register, // 1
		reportOp("i1", "http", registry.Healthy, "200 OK"),
		reportOp("i1", "http", registry.Healthy, "200 fine"), // nobody sees a difference
		register,                         // nor here, but the lease begins anew
		maintainOp("i1", true, "deploy"), // 5
		reportOp("i1", "", registry.Unhealthy, "going down"), // out of sight
		maintainOp("i1", false, ""),
		reportOp("i1", "", registry.Healthy, ""),
		registry.ExpireLease{LeaseName: lease(1), Cause: late}, // another lease
		registry.ExpireLease{LeaseName: lease(4), Cause: late}, // 10
		registry.ReviveLease{LeaseName: lease(4), Cause: registry.Cause{SeenBy: []string{"n3"}}},
		registry.ExpireLease{LeaseName: lease(11), Cause: late},
		registry.ReapInstance{LeaseName: lease(11)},
		registerOp("orders", "i1", "2"),
		registry.Deregister{Service: "orders", ID: "i1"}, // 15
	} {
		if r := mustApply(t, m, entryOf(uint64(n+1), writeOf(op)))[0]; r.err != nil {
			t.Fatal(n, r.err)
		}
	}
	want := []string{
		"15 at 15s, term 1: healthy to absent, deregistered",
		"14 at 14s, term 1: absent to healthy, registered",
		"13 at 13s, term 1: unhealthy to absent, lease_reaped",
		"12 at 12s, term 1: healthy to unhealthy, lease_expired, no heartbeat for 3s, n1+n2",
		"11 at 11s, term 1: unhealthy to healthy, lease_revived, n3",
		"10 at 10s, term 1: healthy to unhealthy, lease_expired, no heartbeat for 3s, n1+n2",
		"8 at 8s, term 1: unhealthy to healthy, reported",
		"7 at 7s, term 1: maintenance to unhealthy, maintenance",
		"5 at 5s, term 1: healthy to maintenance, maintenance, deploy",
		"2 at 2s, term 1: unknown to healthy, reported, http, 200 OK",
		"1 at 1s, term 1: absent to unknown, registered",
	}
	if diff := cmp.Diff(want, told(m, "orders", "i1")); diff != "" {
		t.Errorf("the history (-want +got):\n%s", diff)
	}
	if n := len(m.History("orders", "i1", 10)); n != 6 {
		t.Errorf("up to index 10 it tells of %d transitions", n)
	}
	if lines := told(m, "orders", "i2"); lines != nil {
		t.Errorf("of an instance that never was it tells %v", lines)
	}
	wantConsistent(t, m)
}

func TestEvidenceIsCutOffBetweenCharacters(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
	mustApply(t, m, entryOf(2, writeOf(reportOp("i1", "", registry.Unhealthy, "x"+strings.Repeat("é", 500)))))
	evidence := m.History("orders", "i1", 2)[0].Cause.Evidence
	if want := "x" + strings.Repeat("é", (registry.MaxEvidenceBytes-1)/2); evidence != want {
		t.Errorf("%d bytes: %q", len(evidence), evidence)
	}
}

// flip makes the instance healthy at odd indexes and unhealthy at even ones.
func flip(id string, index uint64) Write {
	status := []registry.Status{registry.Unhealthy, registry.Healthy}[index%2]
	return writeOf(reportOp(id, "", status, ""))
}

func TestARestlessInstancePushesOutNobodyElse(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "quiet", "1")), writeOf(registerOp("orders", "restless", "1"))))
	const last = 3 * store.MaxTransitionsOfOne
	for index := uint64(2); index <= last; index++ {
		mustApply(t, m, entryOf(index, flip("restless", index)))
	}
	kept := m.History("orders", "restless", last)
	if len(kept) != store.MaxTransitionsOfOne || kept[0].Index != last || kept[len(kept)-1].Index != last-store.MaxTransitionsOfOne+1 {
		t.Errorf("%d transitions are kept, the oldest from index %d", len(kept), kept[len(kept)-1].Index)
	}
	if n := len(m.History("orders", "quiet", last)); n != 1 {
		t.Errorf("of the quiet one %d are kept", n)
	}
	wantConsistent(t, m)
}

func TestOfTooManyTransitionsTheOldestAreForgotten(t *testing.T) {
	m, entries := leased(t, store.MaxTransitions, 1000, 512)
	first := m.History("service-00000", "10.0.0.0:8080", 1)
	if len(first) != 1 || m.position.Load().history.Len() != store.MaxTransitions {
		t.Fatalf("%v, %d in all", first, m.position.Load().history.Len())
	}
	mustApply(t, m, entries[1]) // the leases of 512 to 1023
	kept := func(n int) (rules []string) {
		for _, tr := range m.History(fmt.Sprintf("service-%05d", n/1000), fmt.Sprintf("10.0.%d.%d:8080", n/250, n%250), 1e6) {
			rules = append(rules, tr.Cause.Rule.String())
		}
		return rules
	}
	for n, want := range map[int][]string{0: nil, 511: nil, 512: {"lease_expired", "registered"}, 1023: {"lease_expired", "registered"}, 1024: {"registered"}} {
		if got := kept(n); !slices.Equal(got, want) {
			t.Errorf("of number %d it knows %v, want %v", n, got, want)
		}
	}
	if n := m.position.Load().history.Len(); n != store.MaxTransitions {
		t.Errorf("%d are kept", n)
	}
	wantConsistent(t, m)
}

// The same log gives the same history, whatever the batches were and wherever a node began, and it is what the states say
// that followed each other.
func TestEveryNodeTellsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := drawLog(t)
		whole := newMachine()
		want := map[string][]string{}
		for _, entry := range entries {
			before := whole.Publisher().State()
			whole.Apply(entry)
			after := whole.Publisher().State()
			for _, service := range []string{"orders", "payments", "search"} {
				for n := range 4 {
					id := fmt.Sprint("i", n+1)
					was, _ := before.Instance(service, id)
					is, _ := after.Instance(service, id)
					ends := fmt.Sprint(registry.ConditionOf(was), "-", registry.ConditionOf(is))
					if registry.ConditionOf(was) != registry.ConditionOf(is) {
						want[service+id] = append(want[service+id], ends)
					}
				}
			}
		}
		half := rapid.IntRange(0, len(entries)).Draw(t, "until")
		stopped := newMachine()
		applyInBatches(t, stopped, entries[:half])
		late := newMachine()
		if rapid.Bool().Draw(t, "by a snapshot") {
			if err := late.Restore(io.NopCloser(bytes.NewReader(stateBytes(t, stopped)))); err != nil {
				t.Fatal(err)
			}
		} else {
			late = NewMachine(throughFile(t, stopped.Image()), stopped.clusterID)
		}
		applyInBatches(t, late, entries[half:])
		if whole.Image().Hash != late.Image().Hash || !bytes.Equal(stateBytes(t, whole), stateBytes(t, late)) {
			t.Fatal("the states differ")
		}
		for _, service := range []string{"orders", "payments", "search"} {
			for n := range 4 {
				id := fmt.Sprint("i", n+1)
				if diff := cmp.Diff(told(whole, service, id), told(late, service, id)); diff != "" {
					t.Fatalf("of %s %s (-always there +later):\n%s", service, id, diff)
				}
				wantSteps(t, whole.History(service, id, 1e9), want[service+id])
			}
		}
		wantConsistent(t, late)
	})
}

// wantSteps compares a history with what could be seen after each entry. Within an entry more may have happened.
func wantSteps(t *rapid.T, history []*record.Transition, want []string) {
	t.Helper()
	slices.Reverse(history)
	var got []string
	for n, tr := range history {
		if n > 0 && history[n-1].To != tr.From {
			t.Fatalf("transition %d leads to %s, the next one begins with %s", n-1, history[n-1].To, tr.From)
		}
		if n > 0 && history[n-1].Index == tr.Index {
			from, _, _ := strings.Cut(got[len(got)-1], "-")
			got[len(got)-1] = fmt.Sprint(from, "-", tr.To)
			continue
		}
		got = append(got, fmt.Sprint(tr.From, "-", tr.To))
	}
	got = slices.DeleteFunc(got, func(ends string) bool { from, to, _ := strings.Cut(ends, "-"); return from == to })
	if !slices.Equal(want, got) {
		t.Fatalf("seen was %v, and it tells %v", want, got)
	}
}

func TestARestoreBeginsTheHistoryAnew(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
	backup := backupOf(t, m)
	apply(t, m, 2, stepsOf("restore-1", backup, 100)...)
	if lines := told(m, "orders", "i1"); lines != nil {
		t.Errorf("after the restore it tells %v", lines)
	}
	next := m.Publisher().State().Index() + 1
	mustApply(t, m, entryOf(next, writeOf(reportOp("i1", "", registry.Unhealthy, "broken"))))
	if lines := told(m, "orders", "i1"); len(lines) != 1 || m.position.Load().history.First() != 1 {
		t.Errorf("it tells %v from number %d on", lines, m.position.Load().history.First())
	}
	wantConsistent(t, m)
}

// What readers do beside the log is for the race detector.
func TestTheHistoryIsReadWhileTheLogGoesOn(t *testing.T) {
	m := newMachine()
	mustApply(t, m, entryOf(1, writeOf(registerOp("orders", "i1", "1"))))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for index := uint64(2); index < 500; index++ {
			m.Apply(entryOf(index, flip("i1", index)))
		}
	}()
	for reading := true; reading; runtime.Gosched() {
		select {
		case <-done:
			reading = false
		default:
		}
		shown := m.Publisher().State().Index()
		for n, tr := range m.History("orders", "i1", shown) {
			if tr.Index > shown || n == 0 && tr.Index < shown && m.Publisher().State().Index() == shown {
				t.Fatalf("at index %d the newest is of %d", shown, tr.Index)
			}
		}
	}
}
