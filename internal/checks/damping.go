package checks

import (
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

const (
	// restlessAfter is how often checks may take an instance out within restlessWithin; from then on it is damped.
	restlessAfter  = 3
	restlessWithin = 5 * time.Minute

	// firstHold is how long an instance must have been well without a break to come back, and longestHold what that grows to:
	// it doubles with each time more that the instance was taken out.
	firstHold   = 30 * time.Second
	longestHold = 5 * time.Minute
)

// held is for how long the instance with this history, the newest transition first, must have been well to come back; 0 is
// one that is not damped. What was reported by hand, leases and registrations don't count.
//
// It looks back from the last time that the instance was taken out and not from now: damping has no end but that the instance
// is well. An instance that was deregistered since begins anew.
func held(transitions []*record.Transition) time.Duration {
	var last int64
	times := 0
	for _, t := range transitions {
		switch {
		case t.To == registry.ConditionAbsent:
			return holdAfter(times)
		case t.To != registry.ConditionUnhealthy:
			continue
		case !byCheck(t.Cause.Rule):
			if times == 0 {
				return 0 // somebody else took it out last
			}
			continue
		case times == 0:
			last = t.Time
		case last-t.Time > int64(restlessWithin):
			return holdAfter(times)
		}
		times++
	}
	return holdAfter(times)
}

func byCheck(r registry.Rule) bool {
	return r == registry.RuleCheckFailed || r == registry.RuleCheckSilent
}

func holdAfter(times int) time.Duration {
	if times < restlessAfter {
		return 0
	}
	hold := firstHold
	for range times - restlessAfter {
		if hold *= 2; hold >= longestHold {
			return longestHold
		}
	}
	return hold
}

// dampedPrefix is how a notice begins.
const dampedPrefix = "damped: "

// notice says in the output of a check why the instance is not back although its check passes.
func notice(hold time.Duration, until time.Time) string {
	return fmt.Sprintf("%sit was taken out %d times or more within %s, and comes back once it has been well for %s without a break, not before %s",
		dampedPrefix, restlessAfter, short(restlessWithin), short(hold), until.UTC().Format(time.RFC3339))
}

// short is a duration without the zeros at its end.
func short(d time.Duration) string {
	s := d.Round(time.Second).String()
	s = strings.TrimSuffix(s, "0s")
	switch {
	case s == "":
		return "0s"
	case strings.HasSuffix(s, "m"):
		return s
	default:
		return d.Round(time.Second).String()
	}
}
