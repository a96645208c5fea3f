package breaker_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/musterhq/muster/breaker"
)

// model is what a breaker is meant to be, without any thought of speed: it keeps every result there ever was.
type model struct {
	c       breaker.Config
	state   breaker.State
	period  int // how many there were
	since   time.Time
	openFor time.Duration
	opening int

	results           []ended // of this period
	inARow            int
	probes            map[int]time.Time // when each began
	succeeded, failed int
}

type ended struct {
	at                time.Time
	failure, slowness bool
}

// asked is a call that the model let in.
type asked struct {
	id, period int
	start      time.Time
}

func (m *model) begin(s breaker.State, now time.Time) {
	m.state, m.since = s, now
	m.period++
	m.results, m.inARow, m.probes, m.succeeded, m.failed = nil, 0, map[int]time.Time{}, 0, 0
	if s == breaker.Open {
		m.openFor = time.Duration(min(float64(m.c.OpenFor)*math.Pow(m.c.Growth, float64(m.opening-1)), float64(m.c.MaxOpenFor)))
	}
}

// tick ends an open time, which happens by itself.
func (m *model) tick(now time.Time) {
	if m.state == breaker.Open && now.Sub(m.since) >= m.openFor {
		m.begin(breaker.HalfOpen, m.since.Add(m.openFor))
	}
}

// expire ends leases, which is only seen when somebody asks for a call or ends one.
func (m *model) expire(now time.Time) {
	for id, start := range m.probes {
		if now.Sub(start) >= m.c.ProbeLease {
			delete(m.probes, id)
			m.failed++
		}
	}
	m.judgeProbes(now)
}

func (m *model) judgeProbes(now time.Time) {
	switch {
	case m.state != breaker.HalfOpen:
	case m.failed >= m.c.ProbesToOpen:
		m.opening++
		m.begin(breaker.Open, now)
	case m.succeeded >= m.c.ProbesToClose:
		m.begin(breaker.Closed, now)
	}
}

func (m *model) allow(id int, now time.Time) (asked, bool) {
	m.tick(now)
	m.expire(now)
	switch m.state {
	case breaker.Open:
		return asked{}, false
	case breaker.HalfOpen:
		if len(m.probes) == m.c.Probes {
			return asked{}, false
		}
		m.probes[id] = now
	case breaker.Closed:
	}
	return asked{id: id, period: m.period, start: now}, true
}

func (m *model) report(a asked, o breaker.Outcome, now time.Time) (counted bool) {
	m.tick(now)
	if a.period != m.period {
		return false
	}
	slowness := m.c.SlowCall > 0 && now.Sub(a.start) >= m.c.SlowCall
	if m.state == breaker.HalfOpen {
		m.expire(now)
		if _, ok := m.probes[a.id]; !ok {
			return false
		}
		delete(m.probes, a.id)
		switch {
		case o == breaker.Success && !slowness:
			m.succeeded++
		case o != breaker.Neutral:
			m.failed++
		}
		m.judgeProbes(now)
		return true
	}
	if o == breaker.Neutral {
		return true
	}
	m.results = append(m.results, ended{now, o == breaker.Failure, slowness})
	m.inARow++
	if o == breaker.Success {
		m.inARow = 0
	}
	if (o == breaker.Failure || slowness) && m.hasReason(now) {
		m.opening++
		if now.Sub(m.since) >= m.openFor {
			m.opening = 1
		}
		m.begin(breaker.Open, now)
	}
	return true
}

func (m *model) hasReason(now time.Time) bool {
	n := m.counts(now)
	atLeast := func(rate float64, part int) bool {
		return rate > 0 && n.Calls >= m.c.MinCalls && float64(part)/float64(n.Calls) >= rate
	}
	return m.c.ConsecutiveFailures > 0 && m.inARow >= m.c.ConsecutiveFailures ||
		atLeast(m.c.FailureRate, n.Failures) || atLeast(m.c.SlowRate, n.Slow)
}

func (m *model) counts(now time.Time) breaker.Counts {
	n := breaker.Counts{InARow: m.inARow, Probes: len(m.probes), Succeeded: m.succeeded, Failed: m.failed}
	if m.c.FailureRate == 0 && m.c.SlowRate == 0 {
		return n
	}
	remembered := m.results
	if m.c.Calls > 0 {
		remembered = remembered[max(0, len(remembered)-m.c.Calls):]
	}
	tenth := m.c.Window / 10
	for _, r := range remembered {
		if m.c.Calls == 0 && now.Sub(epoch)/tenth-r.at.Sub(epoch)/tenth >= 10 {
			continue
		}
		n.Calls++
		if r.failure {
			n.Failures++
		}
		if r.slowness {
			n.Slow++
		}
	}
	return n
}

// epoch is when time begins in a bubble of synctest.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// drawConfig draws one that says everything, so that the model needs no defaults.
func drawConfig(t *rapid.T) breaker.Config {
	seconds := func(name string) time.Duration {
		return time.Duration(rapid.IntRange(1, 20).Draw(t, name)) * time.Second
	}
	few := rapid.IntRange(1, 4)
	c := breaker.Config{
		OpenFor: seconds("open"), MaxOpenFor: time.Minute, ProbeLease: seconds("lease"),
		Growth: rapid.SampledFrom([]float64{1, 1.5, 3}).Draw(t, "growth"),
		Probes: few.Draw(t, "probes"), ProbesToClose: few.Draw(t, "to close"), ProbesToOpen: few.Draw(t, "to open"),
		MinCalls: few.Draw(t, "at least"),
	}
	reasons := rapid.IntRange(1, 7).Draw(t, "reasons")
	rate := rapid.SampledFrom([]float64{0.1, 0.5, 0.75, 1})
	if reasons&1 != 0 {
		c.ConsecutiveFailures = rapid.IntRange(1, 5).Draw(t, "in a row")
	}
	if reasons&2 != 0 {
		c.FailureRate = rate.Draw(t, "failures")
	}
	if reasons&4 != 0 {
		c.SlowRate, c.SlowCall = rate.Draw(t, "slow calls"), seconds("slow")
	}
	if rapid.Bool().Draw(t, "in time") {
		c.Window = seconds("window")
	} else {
		c.Calls = rapid.IntRange(c.MinCalls, 8).Draw(t, "calls")
	}
	return c
}

// TestABreakerDoesWhatTheModelDoes plays random histories: calls that begin and end in any order, or never, and time that
// goes by.
func TestABreakerDoesWhatTheModelDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(t *rapid.T) {
			c := drawConfig(t)
			// Slices of time are counted from a breaker's birth, and those of the model from the beginning of time.
			time.Sleep(untilNext(c.Window / 10))
			b, err := breaker.NewWith(c)
			if err != nil {
				t.Fatal(err)
			}
			m := &model{c: c, probes: map[int]time.Time{}}
			var wantCalls []asked
			var calls []*breaker.Permit

			t.Repeat(map[string]func(*rapid.T){
				"a call begins": func(t *rapid.T) {
					want, ok := m.allow(len(calls), time.Now())
					if ready := b.Ready(); ready != ok {
						t.Fatalf("ready is %v, want %v", ready, ok)
					}
					got, err := b.Allow()
					if (err == nil) != ok {
						t.Fatalf("the call was let in: %v; want %v", err, ok)
					}
					if ok {
						calls, wantCalls = append(calls, &got), append(wantCalls, want)
					}
				},
				"a call ends": func(t *rapid.T) {
					if len(calls) == 0 {
						t.Skip("there is none")
					}
					i := rapid.IntRange(max(0, len(calls)-4), len(calls)-1).Draw(t, "which")
					o := rapid.SampledFrom([]breaker.Outcome{breaker.Success, breaker.Failure, breaker.Failure, breaker.Neutral}).Draw(t, "how")
					if wantCalls[i].period < 0 {
						t.Skip("it has ended already")
					}
					want := m.report(wantCalls[i], o, time.Now())
					wantCalls[i].period = -1
					if got := calls[i].Report(o); got != want {
						t.Fatalf("it counted: %v, want %v", got, want)
					}
				},
				"time goes by": func(t *rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(0, 5_000).Draw(t, "ms")) * time.Millisecond)
				},
				"": func(t *rapid.T) {
					synctest.Wait()
					m.tick(time.Now())
					if got := b.State(); got != m.state {
						t.Fatalf("the breaker is %v, want %v", got, m.state)
					}
					if got, want := b.Counts(), m.counts(time.Now()); got != want {
						t.Fatalf("it counts %+v, want %+v", got, want)
					}
				},
			})
		})
	})
}

// timeless is a test that rapid does not ask for its deadline, which a bubble does not have.
type timeless struct{ *testing.T }

// untilNext is how long it is until a multiple of d since the epoch.
func untilNext(d time.Duration) time.Duration {
	if d == 0 {
		return 0
	}
	return d - time.Since(epoch)%d
}
