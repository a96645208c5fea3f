package checks

import (
	"slices"
	"time"

	"github.com/musterhq/muster/registry"
)

// falls remembers how often checks have fallen that nobody saw fall, since their instance was not healthy anyway. The history
// of the instance does not have these, and each would cost the log two entries as long as the check toggles. It is one
// leader's memory and lasts for its term.
type falls struct {
	of    map[fallen][]time.Time // the oldest first
	swept time.Time
}

// fallen is a check of one registration of an instance.
type fallen struct {
	key
	incarnation uint64
}

// hidden tells whether an instance is not healthy whatever the check says.
func hidden(i *registry.Instance, check string) bool {
	return i.Maintenance.Enabled || i.Expired || i.Reported.Status == registry.Unhealthy ||
		slices.ContainsFunc(i.Checks, func(c registry.Check) bool { return c.Name != check && c.Status == registry.Unhealthy })
}

// note takes in a fall.
func (f *falls) note(of fallen, now time.Time) {
	if f.of == nil {
		f.of = map[fallen][]time.Time{}
	}
	if now.Sub(f.swept) >= restlessWithin {
		f.swept = now
		for old, times := range f.of {
			if now.Sub(times[len(times)-1]) > restlessWithin+longestHold {
				delete(f.of, old)
			}
		}
	}
	times := f.of[of]
	for len(times) > 0 && now.Sub(times[0]) > restlessWithin {
		times = times[1:]
	}
	f.of[of] = append(times, now)
}

// undo takes back the last fall, which was not decided.
func (f *falls) undo(of fallen) {
	if times := f.of[of]; len(times) > 1 {
		f.of[of] = times[:len(times)-1]
	} else {
		delete(f.of, of)
	}
}

// hold is for how long the check must have been well to be shown so while nobody sees it.
func (f *falls) hold(of fallen) time.Duration { return holdAfter(len(f.of[of])) }
