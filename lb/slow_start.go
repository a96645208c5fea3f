package lb

import (
	"math"
	"time"
)

// leastWarmth is the part of its share that an instance gets in the first moment.
const leastWarmth = 0.1

// warmthAt is the part of its share that an instance gets when its slow start, over a window, began so long ago.
func warmthAt(t, window time.Duration, aggression float64) float64 {
	if t >= window {
		return 1
	}
	return max(leastWarmth, math.Pow(t.Seconds()/window.Seconds(), 1/aggression))
}

// warmUp has a node begin its slow start: it is new, or healthy again. Those of the first set of all have been there for no
// one knows how long, and have no slow start.
func (s *Service) warmUp(n *node, now time.Duration) {
	if s.settings.slowStart > 0 {
		n.began, n.warm = now, now+s.settings.slowStart
	}
}

// warmth is the part of its share that a node gets now.
func (s *Service) warmth(n *node, now time.Duration) float64 {
	if now >= n.warm {
		return 1
	}
	return warmthAt(now-n.began, s.settings.slowStart, s.settings.aggression)
}

// warmthOf is for strategies without weights: the part alone.
func warmthOf(n *node) float64 { return n.shareNow() / weightOf(n.instance.Load()) }

// warmSteps is in how many steps a share grows.
const warmSteps = 50
