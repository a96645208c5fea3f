package checks

import (
	"time"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

// silenceWindow is the time in which silence may take out a fifth of a service and zone.
const silenceWindow = time.Minute

// place is what the brake on silence is about: what fails together, such as a switch, is often in one zone.
type place struct{ service, zone string }

// budget knows which instances silence has taken out lately. It is the leader's memory of what the history says.
type budget struct {
	taken map[place]map[string]time.Time // by the instance's id: when it was, the last time
	read  map[string]bool                // the services whose history was read
}

func newBudget() *budget {
	return &budget{taken: map[place]map[string]time.Time{}, read: map[string]bool{}}
}

// recall reads, once, from the history of a service's instances what earlier leaders have taken out. Their clocks may be
// ahead: what is to come is taken for just done.
func (b *budget) recall(s *registry.Service, past Past, upTo uint64, now time.Time) {
	if b.read[s.Name()] {
		return
	}
	b.read[s.Name()] = true
	for i := range s.Instances() {
		for _, t := range past.History(s.Name(), i.ID, upTo) {
			at := time.Unix(0, t.Time)
			if now.Sub(at) >= silenceWindow {
				break
			}
			if silenced(t) {
				if at.After(now) {
					at = now
				}
				b.note(place{s.Name(), i.Zone}, i.ID, at)
				break
			}
		}
	}
}

// silenced tells whether a transition took an instance out on nothing but silence.
func silenced(t *record.Transition) bool {
	return t.Cause.Rule == registry.RuleCheckSilent && t.From == registry.ConditionHealthy && t.To == registry.ConditionUnhealthy
}

func (b *budget) note(at place, id string, when time.Time) {
	if b.taken[at] == nil {
		b.taken[at] = map[string]time.Time{}
	}
	b.taken[at][id] = when
}

// spend tells whether silence may take out one more instance of a place that has so many registered, and notes it. One that
// was taken out within the window already does not count twice: it is not fresh.
func (b *budget) spend(at place, id string, registered int, now time.Time) (may, fresh bool) {
	b.forget(at, now)
	_, again := b.taken[at][id]
	if !again && len(b.taken[at]) >= mayGo(registered) {
		return false, false
	}
	b.note(at, id, now)
	return true, !again
}

// refund takes back what was spent on a fresh instance that was not taken out after all.
func (b *budget) refund(at place, id string) { delete(b.taken[at], id) }

// used is how many instances were taken out within the window.
func (b *budget) used(at place, now time.Time) int {
	b.forget(at, now)
	return len(b.taken[at])
}

func (b *budget) forget(at place, now time.Time) {
	for id, when := range b.taken[at] {
		if now.Sub(when) >= silenceWindow {
			delete(b.taken[at], id)
		}
	}
	if len(b.taken[at]) == 0 {
		delete(b.taken, at)
	}
}

// mayGo is how many of so many registered instances silence may take out in the window.
func mayGo(registered int) int { return max(1, registered/5) }

// registeredIn counts the instances of a service in a zone.
func registeredIn(s *registry.Service, zone string) int {
	n := 0
	for i := range s.Instances() {
		if i.Zone == zone {
			n++
		}
	}
	return n
}
