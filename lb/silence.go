package lb

import "time"

// What is known of latency is learned where calls end, and so an instance that has begun to hang is still praised for how
// quick it was: all callers would end up there. That it answers nobody can be known much sooner.

// overdue is by how much the time that an instance takes to answer, which may have been short, is to be multiplied for the
// time that nobody was answered while calls wait there. It stands for the time itself, which an answer will take at least,
// and grows as its cube: the longer it is compared to what is usual, the less likely it is that an answer is about to come.
func (n *node) overdue(now time.Duration, latency float64) float64 {
	silence := float64(now-time.Duration(n.silent.Load())) * (1 / float64(time.Second))
	if silence <= latency {
		return 1
	}
	times := silence / latency
	return times * times * times
}

// unheard is the latency of an instance that has not answered yet, while calls wait there: one call is sent there at once,
// and while that is on its way a second one only if there is nobody else. A newcomer that were merely the quickest would
// have all of them.
const unheard = 1e9

// leastLatency is that of an instance that has not answered yet when no call waits there.
const leastLatency = 1e-9
