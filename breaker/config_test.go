package breaker_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/musterhq/muster/breaker"
)

func TestTheDefaultsAreValid(t *testing.T) {
	if err := breaker.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err := breaker.DefaultGroupConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestSettingsThatMakeNoSenseAreRefusedByName(t *testing.T) {
	type config = breaker.Config
	for _, c := range []struct {
		field  string
		spoilt func(*config)
	}{
		{"ConsecutiveFailures", func(c *config) { c.ConsecutiveFailures = -1 }},
		{"ConsecutiveFailures", func(c *config) { *c = config{} }},
		{"FailureRate", func(c *config) { c.FailureRate = 50 }},
		{"FailureRate", func(c *config) { c.FailureRate = math.NaN() }},
		{"SlowRate", func(c *config) { c.SlowRate, c.SlowCall = -0.1, time.Second }},
		{"SlowCall", func(c *config) { c.SlowRate = 0.5 }},
		{"SlowCall", func(c *config) { c.SlowCall = time.Second }},
		{"Window", func(c *config) { c.Window = -time.Second }},
		{"Window", func(c *config) { c.Window = 9 }},
		{"Window", func(c *config) { c.Calls = 100 }},
		{"Calls", func(c *config) { c.Window, c.Calls = 0, -1 }},
		{"Calls", func(c *config) { c.Window, c.Calls = 0, 1e9 }},
		{"MinCalls", func(c *config) { c.MinCalls = -1 }},
		{"MinCalls", func(c *config) { c.Window, c.Calls = 0, 19 }},
		{"OpenFor", func(c *config) { c.OpenFor = -1 }},
		{"MaxOpenFor", func(c *config) { c.MaxOpenFor = time.Second }},
		{"MaxOpenFor", func(c *config) { c.MaxOpenFor = math.MaxInt64 }},
		{"Growth", func(c *config) { c.Growth = 0.5 }},
		{"Growth", func(c *config) { c.Growth = math.Inf(1) }},
		{"Jitter", func(c *config) { c.Jitter = 1.1 }},
		{"Probes", func(c *config) { c.Probes = -1 }},
		{"ProbesToClose", func(c *config) { c.ProbesToClose = 1e6 }},
		{"ProbesToOpen", func(c *config) { c.ProbesToOpen = -1 }},
		{"ProbeLease", func(c *config) { c.ProbeLease = -1 }},
	} {
		config := breaker.DefaultConfig()
		c.spoilt(&config)
		_, err := breaker.NewWith(config)
		if !errors.Is(err, breaker.ErrInvalid) || !strings.Contains(err.Error(), ": "+c.field+": ") {
			t.Errorf("%s: %v", c.field, err)
		}
	}
}

func TestWordsForLogs(t *testing.T) {
	expectSame(t, []string{
		breaker.Closed.String(), breaker.Open.String(), breaker.HalfOpen.String(), breaker.State(9).String(),
		breaker.Success.String(), breaker.Failure.String(), breaker.Neutral.String(), breaker.Outcome(9).String(),
	}, []string{"closed", "open", "half-open", "unknown", "success", "failure", "neutral", "unknown"})

	until := time.Date(2026, 11, 22, 20, 40, 0, 0, time.UTC)
	for want, err := range map[string]*breaker.OpenError{
		"circuit breaker of payments/p1 is open until 2026-11-22T20:40:00Z: the call was not made": {Name: "payments/p1", State: breaker.Open, Until: until},
		"circuit breaker is half-open and tries other calls first: this one was not made":          {State: breaker.HalfOpen},
	} {
		expectSame(t, err.Error(), want)
	}
}
