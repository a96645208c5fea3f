package cluster

import "time"

// pace is how fast the membership moves.
type pace struct {
	survey  time.Duration // between two looks of the leader at all servers
	stable  time.Duration // how long a newcomer must have kept up before it gets a vote
	replace time.Duration // how long a node must be out of contact before another may take its name
	settle  time.Duration // how long a node must be found at another address before that is written down
}

// The usual pace.
const (
	surveyInterval = time.Second
	stableAfter    = 2 * time.Second // before the multiplier
	replaceAfter   = 10 * time.Second
	settleAfter    = 5 * time.Second
)

func usualPace(multiplier int) pace {
	return pace{survey: surveyInterval, stable: stableAfter * time.Duration(multiplier), replace: replaceAfter, settle: settleAfter}
}
