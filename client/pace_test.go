package client

import (
	"testing"
	"time"
)

// Clients that were started together, or have lost the registry together, must not keep step.
func TestPausesAreSpread(t *testing.T) {
	for name, c := range map[string]struct {
		draw        func() time.Duration
		least, most time.Duration
	}{
		"between heartbeats":      {func() time.Duration { return jittered(time.Second) }, 900 * time.Millisecond, 1100 * time.Millisecond},
		"after the first failure": {func() time.Duration { return backoff(0, time.Second) }, firstBackoff / 2, firstBackoff},
		"after the third failure": {func() time.Duration { return backoff(2, time.Second) }, 2 * firstBackoff, 4 * firstBackoff},
		"after many":              {func() time.Duration { return backoff(1000, time.Second) }, 500 * time.Millisecond, time.Second},
	} {
		least, most := c.draw(), c.draw()
		for range 1000 {
			d := c.draw()
			least, most = min(least, d), max(most, d)
		}
		if least < c.least || most > c.most || most-least < (c.most-c.least)*9/10 {
			t.Errorf("%s: a thousand pauses are between %s and %s", name, least, most)
		}
	}
}
