package health

import (
	"hash/fnv"
	"time"

	"github.com/musterhq/muster/health/probe"
	"github.com/musterhq/muster/registry"
)

const (
	// grain is how finely the beginnings of questions are spread over their interval. Those of a grain are asked together:
	// waking up costs more than asking, and so does each thread that is woken for a single answer.
	grain = 50 * time.Millisecond

	// slowAfter is after how long a question was slow to be answered.
	slowAfter = 500 * time.Millisecond
)

// round is one check of one instance, which is asked again and again. At any time it waits in the schedule or in a lane, or is
// being asked, and never two of these.
type round struct {
	subject *subject
	target  probe.Target
	streak  Streak
	gone    bool // it is asked no more, and an answer that comes yet counts for nothing

	phase time.Duration // when within its interval it is asked
	at    time.Duration // when it is to be asked next, or was last
	early bool          // at is not of its phase, as that of a first question
	fresh bool          // it was never called, and need not wait for its phase
	place int           // in the schedule, notScheduled where it is not

	lane  lane   // the one it belongs to by its last answer
	after *round // the one behind it in the lane
}

// newRound is one that knows what the state shows of its check.
func newRound(s *subject, c registry.Check) *round {
	r := &round{subject: s, place: notScheduled}
	r.target = probe.Target{Service: s.instance.Service, ID: s.instance.ID, Address: s.instance.Address, Port: s.instance.Port, Check: c}
	r.target.Check.Status, r.target.Check.Output, r.target.Check.Preserved = "", "", false
	r.streak = NewStreak(c.Rise, c.Fall, checkOf(s.instance, c.Name).Status)
	r.phase = phase(&r.target)
	return r
}

func (r *round) interval() time.Duration { return max(time.Duration(r.target.Check.Interval), grain) }

// asks tells whether the round puts the question of a check to an instance as it stands now.
func (r *round) asks(i *registry.Instance, c registry.Check) bool {
	return r.target.Address == i.Address && r.target.Port == i.Port && r.target.Check.SameDefinition(c)
}

// phase spreads the checks over their intervals: by their names alone, so that it is the same after a restart and on every
// node.
func phase(t *probe.Target) time.Duration {
	h := fnv.New64a()
	for _, part := range []string{t.Service, t.ID, t.Check.Name} {
		_, _ = h.Write([]byte(part))
		_, _ = h.Write([]byte{0})
	}
	grains := max(uint64(time.Duration(t.Check.Interval)/grain), 1)
	return time.Duration(h.Sum64()%grains) * grain
}

// nextPhase is the first time of the round's phase that is not before some time. Times count from the epoch of the world's
// clock, so that a phase is the same moment to all who share that.
func (r *round) nextPhase(from time.Duration) time.Duration {
	wait := (r.phase - from) % r.interval()
	if wait < 0 {
		wait += r.interval()
	}
	return from + wait
}

// following is when to ask again after an answer: one interval after the last question, at once where the answer took a
// little longer than that, and at the next time of the phase otherwise.
func (r *round) following(now time.Duration) time.Duration {
	if r.early {
		return r.nextPhase(now + r.interval()/2)
	}
	if next := r.at + r.interval(); next+r.interval()/2 >= now {
		return next
	}
	return r.nextPhase(now)
}
