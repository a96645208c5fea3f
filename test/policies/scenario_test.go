package policies

import "time"

// scenario is what happens to the servers of a run. Every server knows it and plays its part by the clock.
type scenario string

const (
	someSlow       scenario = "a fifth of the servers three times slower"
	changinglySlow scenario = "slowness changes: each server three times slower for 5 s out of 25 s"
	oneFails       scenario = "one server fails at once for a third of the run"
)

// scenarios are all.
var scenarios = []scenario{someSlow, changinglySlow, oneFails}

// What is slow is so by this factor, and, where it changes, for the first part of each period.
const (
	slower     = 3
	slowPeriod = 25 * time.Second
	slowPart   = 5 * time.Second
)

// part is what one server of several has to play.
type part struct {
	Scenario scenario
	Server   int
	Servers  int
	Begin    time.Time     // of what is measured
	Length   time.Duration // of it
}

// factor is by how much serving takes longer at a time. Where slowness goes round, the servers take turns, so that at any
// time a fifth of them is slow.
func (p part) factor(now time.Time) float64 {
	slow := false
	switch p.Scenario {
	case someSlow:
		slow = p.Server < p.Servers/5
	case changinglySlow:
		turn := slowPeriod * time.Duration(p.Server) / time.Duration(p.Servers)
		at := (now.Sub(p.Begin) + turn) % slowPeriod
		slow = (at+slowPeriod)%slowPeriod < slowPart // before the beginning, time is negative
	case oneFails:
	}
	if slow {
		return slower
	}
	return 1
}

// fails tells whether a call is answered with an error at once.
func (p part) fails(now time.Time) bool {
	at := now.Sub(p.Begin)
	return p.Scenario == oneFails && p.Server == 0 && at >= p.Length/3 && at < p.Length*2/3
}
