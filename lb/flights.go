package lb

import "sync/atomic"

// flights counts the calls to an instance that have not ended, and those of them that wait for its answer. Both are in one
// word, so that a call changes them at once.
type flights struct{ word atomic.Int64 }

// What a call adds to the word while it is on its way.
const (
	answered   = 1         // it has its answer, or is a stream
	unanswered = 1<<32 + 1 // it waits for its answer
)

// inFlight is the number of calls that have not ended.
func (f *flights) inFlight() int64 { return int64(int32(f.word.Load())) }

// waits tells whether any call waits for its answer, and how many have not ended.
func (f *flights) waits() (waits bool, inFlight int64) {
	word := f.word.Load()
	return word >= unanswered, int64(int32(word))
}
