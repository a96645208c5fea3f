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
func (n *node) learn(now, took, decay time.Duration, v Verdict, peak bool) {
	was := unpack(n.mean.Load())
	kept := float32(math.Exp(-float64(now-time.Duration(n.heard.Load())) / float64(decay)))
	sample := float32(took.Seconds())
	next := was
	switch v {
	case Success:
		next.latency = averaged(was.latency, sample, kept, peak)
		next.success = 1 - (1-was.success)*kept
	case Failure, Rejected:
		// How quickly something fails says nothing of how quickly it would answer.
		next.latency = max(was.latency, sample)
		if was.latency == 0 {
			next.latency = max(sample, float32(decay.Seconds()))
		}
		next.success = was.success * min(kept, 1-leastLesson)
	case Neutral, Judged:
		if sample <= was.latency {
			return
		}
		next.latency = averaged(was.latency, sample, kept, peak) // it would have taken at least as long
	}
	n.mean.Store(next.pack())
	n.heard.Store(int64(now))
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
