package lb

import (
	"math"
	"time"
)

// leastLesson is the weight of a failure in the share of successes, however short a time ago the last result was. Else it
// would take thousands of failures to notice an instance that fails thousands of times a second.
const leastLesson = 0.1

// learn adds the end of a call to what is known of an instance. Two calls that end in the same moment may both start from
// what was known before them, and one of them is lost. That is harmless, and saves a loop.
func (n *node) learn(now, took time.Duration, by *strategy, v Verdict) {
	was := unpack(n.mean.Load())
	kept := kept(now-time.Duration(n.heard.Load()), by.decay)
	sample := float32(took) * float32(1/float64(time.Second))
	next := was
	switch v {
	case Success:
		if took != unmeasured {
			next.latency = averaged(was.latency, sample, kept, by.peak)
		}
		next.success = 1 - (1-was.success)*kept
	case Failure, Rejected:
		// How quickly something fails says nothing of how quickly it would answer.
		next.latency = max(was.latency, sample)
		if was.latency == 0 && took != unmeasured {
			next.latency = max(sample, float32(by.decay.Seconds()))
		}
		next.success = was.success * min(kept, 1-leastLesson)
	case Neutral, Judged:
		if sample <= was.latency {
			return
		}
		next.latency = averaged(was.latency, sample, kept, by.peak) // it would have taken at least as long
	}
	n.mean.Store(next.pack())
	n.heard.Store(int64(now))
}

// unmeasured is how long it took a call whose time says nothing.
const unmeasured time.Duration = -1

// kept is the part that is left of what was known so long ago.
func kept(ago, decay time.Duration) float32 {
	x := float64(max(0, ago)) / float64(decay)
	if x < 1.0/64 { // Of an instance that answers often: three terms of the series are as good, and much quicker.
		return float32(1 - x + x*x/2)
	}
	return float32(math.Exp(-x))
}

// averaged is the moving average with one more sample. With peak, a sample above it counts in full at once.
func averaged(was, sample, kept float32, peak bool) float32 {
	if was == 0 || peak && sample > was {
		return max(sample, math.SmallestNonzeroFloat32)
	}
	return was*kept + sample*(1-kept)
}

// inARow counts failures since the last success.
func (n *node) inARow(v Verdict) (row int32) {
	switch v {
	case Failure:
		return n.row.Add(1)
	case Success:
		if n.row.Load() != 0 {
			n.row.Store(0)
		}
	case Rejected, Neutral, Judged:
	}
	return 0
}
