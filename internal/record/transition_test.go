package record_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

func TestATransitionComesBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &record.Transition{
			Service: rapid.StringMatching("[!-~]{1,9}").Draw(t, "service"),
			ID:      rapid.StringMatching("[!-~]{1,9}").Draw(t, "id"),
			Index:   rapid.Uint64().Draw(t, "index"),
			Time:    rapid.Int64().Draw(t, "time"),
			From:    registry.Condition(rapid.IntRange(0, int(registry.Conditions)-1).Draw(t, "from")),
			To:      registry.Condition(rapid.IntRange(0, int(registry.Conditions)-1).Draw(t, "to")),
			Cause: &record.Cause{
				Rule:  registry.Rule(rapid.IntRange(1, int(registry.Rules)-1).Draw(t, "rule")),
				Term:  rapid.Uint64().Draw(t, "term"),
				Check: text().Draw(t, "check"),
				Cause: registry.Cause{Evidence: text().Draw(t, "evidence"), SeenBy: rapid.SliceOfN(text(), 0, 3).Draw(t, "seen by")},
			},
		}
		got, err := record.DecodeTransition(record.AppendTransition(nil, want))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		if want.From.String() == "" || want.Cause.Rule.String() == "" {
			t.Fatal("it has no words for what it holds")
		}
	})
}

func TestATransitionByAnUnknownRuleIsRefused(t *testing.T) {
	good := record.Transition{Service: "a", ID: "b", Cause: &record.Cause{Rule: registry.RuleRegistered}}
	rule, condition, none := good, good, good
	rule.Cause = &record.Cause{Rule: registry.Rules}
	condition.To = registry.Conditions
	none.ID = ""
	for _, bad := range []record.Transition{rule, condition, none} {
		if _, err := record.DecodeTransition(record.AppendTransition(nil, &bad)); !errors.Is(err, record.ErrDamaged) {
			t.Errorf("%+v was read with the error %v", bad, err)
		}
	}
}

func FuzzDecodeTransition(f *testing.F) {
	f.Add(record.AppendTransition(nil, &record.Transition{
		Service: "a", ID: "b", Cause: &record.Cause{Rule: registry.RuleLeaseExpired, Cause: registry.Cause{Evidence: "late", SeenBy: []string{"n1"}}},
	}))
	f.Fuzz(func(t *testing.T, b []byte) {
		tr, err := record.DecodeTransition(b)
		if err != nil {
			if !errors.Is(err, record.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		again, err := record.DecodeTransition(record.AppendTransition(nil, tr))
		if err != nil || !cmp.Equal(tr, again, cmpopts.EquateEmpty()) {
			t.Fatalf("%+v became %+v, error %v", tr, again, err)
		}
	})
}
