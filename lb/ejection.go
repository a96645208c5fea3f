package lb

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

// Ejection says when an instance does so much worse than the others that it is left out for a while, and how many may be.
// The zero value of each field stands for its usual value.
type Ejection struct {
	// ConsecutiveErrors is how many failures in a row eject an instance. 0 is 5, negative is never.
	ConsecutiveErrors int

	// Deviations ejects, at the end of each Interval, an instance whose success rate is so many standard deviations below the
	// mean of those with at least MinCalls calls in that interval, if there are MinInstances of these. 0 is 1.9, negative is
	// never.
	Deviations   float64
	Interval     time.Duration // 0 is 10 s
	MinCalls     int           // 0 is 100
	MinInstances int           // 0 is 5

	// Time is how long the first ejection lasts. Each further one lasts so much longer, up to MaxTime, and each Interval
	// without one takes that back. 0 is 30 s, and 5 min.
	Time, MaxTime time.Duration

	// MaxShare is how many may be ejected at once, as a share of the healthy instances: at least one may be, the last one
	// never. 0 is 0.1.
	MaxShare float64
}

func (e Ejection) withDefaults() Ejection {
	e.ConsecutiveErrors = cmp.Or(e.ConsecutiveErrors, 5)
	e.Deviations = cmp.Or(e.Deviations, 1.9)
	e.Interval = cmp.Or(e.Interval, 10*time.Second)
	e.MinCalls = cmp.Or(e.MinCalls, 100)
	e.MinInstances = cmp.Or(e.MinInstances, 5)
	e.Time = cmp.Or(e.Time, 30*time.Second)
	e.MaxTime = max(cmp.Or(e.MaxTime, 5*time.Minute), e.Time)
	e.MaxShare = cmp.Or(e.MaxShare, 0.1)
	return e
}

func (e Ejection) validate() error {
	switch {
	case e.Interval < 0 || e.Time < 0 || e.MaxTime < 0:
		return invalid("WithEjection", "a time is negative: use 0 for the usual one")
	case e.MinCalls < 0 || e.MinInstances < 0:
		return invalid("WithEjection", "a least number is negative: use 0 for the usual one")
	case !(e.MaxShare >= 0 && e.MaxShare <= 1):
		return invalid("WithEjection", "MaxShare is %v: use a share from 0 to 1", e.MaxShare)
	case math.IsNaN(e.Deviations):
		return invalid("WithEjection", "Deviations is not a number")
	default:
		return nil
	}
}

// count adds the end of a call to what ejection judges by, and calls for the judge where that may be reason enough.
func (s *Service) count(n *node, v Verdict, row int32) {
	if v != Success && v != Failure {
		return
	}
	n.calls.Add(1)
	if v != Failure {
		return
	}
	n.failed.Add(1)
	if most := s.settings.ejection.ConsecutiveErrors; most > 0 && int(row) >= most && !n.suspect.Load() {
		n.suspect.Store(true)
		s.wake()
	}
}

// judge ejects those that have failed too often in a row, ends ejections that are over and, at the end of an interval,
// compares the success rates.
func (s *Service) judge(w *watch, now time.Duration) {
	if s.settings.ejection == nil {
		return
	}
	e := s.settings.ejection
	for _, n := range w.members {
		if n.ejected && now >= n.ejectedUntil {
			n.ejected = false
			n.ejectedInInterval = true
			n.row.Store(0)
			w.tell(s.event(WasReturned, n.id, "ejection over"))
		}
		if n.suspect.Load() {
			n.suspect.Store(false)
			s.eject(w, n, now, fmt.Sprintf("%d failures in a row", e.ConsecutiveErrors))
		}
	}
	if now >= w.intervalEnds {
		w.intervalEnds = now + e.Interval
		s.compare(w, now)
	}
}

// eject leaves a node out, unless as many are already as may be.
func (s *Service) eject(w *watch, n *node, now time.Duration, reason string) {
	e := s.settings.ejection
	ejected := 0
	for _, other := range w.members {
		if other.ejected {
			ejected++
		}
	}
	most := max(1, int(e.MaxShare*float64(len(w.members))))
	if n.ejected || ejected >= min(most, len(w.members)-1) {
		return
	}
	n.ejections++
	n.ejected = true
	n.ejectedInInterval = true
	lasts := min(e.MaxTime, e.Time*time.Duration(min(n.ejections, 1000)))
	n.ejectedUntil = now + lasts
	event := s.event(WasEjected, n.id, reason)
	event.For = lasts
	w.tell(event)
}

// compare ejects those whose success rate in the interval that ends is far below that of the others.
func (s *Service) compare(w *watch, now time.Duration) {
	e := s.settings.ejection
	var rates []rate
	for _, n := range w.members {
		calls, failed := n.calls.Swap(0), n.failed.Swap(0)
		if !n.ejected && !n.ejectedInInterval {
			n.ejections = max(0, n.ejections-1)
		}
		n.ejectedInInterval = false
		if calls >= int64(e.MinCalls) && !n.ejected {
			rates = append(rates, rate{n, 1 - min(1, float64(failed)/float64(calls))})
		}
	}
	if e.Deviations < 0 || len(rates) < e.MinInstances {
		return
	}
	mean, deviation := spread(rates)
	for _, r := range rates {
		if limit := mean - e.Deviations*deviation; r.success < limit {
			s.eject(w, r.node, now, fmt.Sprintf("success rate %.2f is below %.2f", r.success, limit))
		}
	}
}

// rate is how an instance did in an interval.
type rate struct {
	node    *node
	success float64
}

// spread is the mean and the standard deviation.
func spread(rates []rate) (mean, deviation float64) {
	for _, r := range rates {
		mean += r.success / float64(len(rates))
	}
	for _, r := range rates {
		deviation += (r.success - mean) * (r.success - mean) / float64(len(rates))
	}
	return mean, math.Sqrt(deviation)
}
