package checks

import (
	"testing"
	"time"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// came makes a history of transitions at seconds, the oldest first, and turns it round.
func came(what ...any) (transitions []*record.Transition) {
	for n := 0; n < len(what); n += 2 {
		t := &record.Transition{Time: int64(what[n].(int)) * int64(time.Second), To: registry.ConditionUnhealthy, Cause: &record.Cause{}}
		switch rule := what[n+1].(registry.Rule); rule {
		case registry.RuleCheckPassed, registry.RuleLeaseRevived:
			t.To = registry.ConditionHealthy
			t.Cause.Rule = rule
		case registry.RuleDeregistered:
			t.To = registry.ConditionAbsent
			t.Cause.Rule = rule
		default:
			t.Cause.Rule = rule
		}
		transitions = append([]*record.Transition{t}, transitions...)
	}
	return transitions
}

func TestHowLongARestlessInstanceIsHeld(t *testing.T) {
	const failed, silent, passed = registry.RuleCheckFailed, registry.RuleCheckSilent, registry.RuleCheckPassed
	const reported, gone, expired = registry.RuleReported, registry.RuleDeregistered, registry.RuleLeaseExpired
	for name, c := range map[string]struct {
		history []*record.Transition
		want    time.Duration
	}{
		"nothing":                    {nil, 0},
		"twice":                      {came(1, failed, 2, passed, 3, failed), 0},
		"three times":                {came(1, failed, 2, passed, 3, silent, 4, passed, 5, failed), 30 * time.Second},
		"three times, just within":   {came(0, failed, 2, passed, 150, failed, 160, passed, 300, failed), 30 * time.Second},
		"three times, too slowly":    {came(0, failed, 2, passed, 150, failed, 160, passed, 301, failed), 0},
		"four times":                 {came(1, failed, 2, failed, 3, failed, 4, failed), time.Minute},
		"five times":                 {came(1, failed, 2, failed, 3, failed, 4, failed, 5, failed), 2 * time.Minute},
		"six times":                  {came(1, failed, 2, failed, 3, failed, 4, failed, 5, failed, 6, failed), 4 * time.Minute},
		"seven times":                {came(1, failed, 2, failed, 3, failed, 4, failed, 5, failed, 6, failed, 7, failed), 5 * time.Minute},
		"by hand":                    {came(1, reported, 2, reported, 3, reported, 4, reported), 0},
		"by hand the last time":      {came(1, failed, 2, failed, 3, failed, 4, reported), 0},
		"by hand in between":         {came(1, failed, 2, reported, 3, failed), 0},
		"by its lease the last time": {came(1, failed, 2, failed, 3, failed, 4, expired), 0},
		"another one of that name":   {came(1, failed, 2, failed, 3, failed, 4, gone, 5, failed), 0},
	} {
		if got := held(c.history); got != c.want {
			t.Errorf("%s: it is held for %s, want %s", name, got, c.want)
		}
	}
}

func TestDurationsInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{30 * time.Second: "30s", time.Minute: "1m", 5 * time.Minute: "5m", 90 * time.Second: "1m30s", 0: "0s"} {
		if got := short(d); got != want {
			t.Errorf("%d is %q, want %q", d, got, want)
		}
	}
}
