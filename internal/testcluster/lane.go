package testcluster

import (
	"math/rand/v2"
	"time"
)

// A lane is one direction of a proxy: the faults that it has now, and what has gone through. All of it is read and
// changed under the lock of the [conditions] that the lane belongs to.
type lane struct {
	faults
	rng     *rand.Rand
	free    time.Time // when the bandwidth cap lets the next byte go
	traffic Traffic
}

// faults are what [Proxy.Heal] takes away: the zero value is a good network.
type faults struct {
	cut       bool // datagrams are lost; connections are reset by the proxy
	hole      bool // datagrams are lost; what connections carry waits, as it would for a retransmission
	stalled   bool // everything waits
	delay     time.Duration
	jitter    time.Duration
	rate      int // bytes a second; 0 is no cap
	loss      float64
	duplicate float64
	limit     *limit
}

// A limit is how many bytes connections may still carry, and what becomes of the network then.
type limit struct {
	left    int64
	reached func()
}

// A piece is some bytes on their way, with all that fate has for them: the delay follows from the faults at the time
// when it is asked for, so that a delay that is lifted holds nothing back.
type piece struct {
	data []byte
	came time.Time
	luck float64 // the share of the jitter that this piece suffers
	end  error   // the last piece of a stream says how it ended; it has no data
}

// piece notes that data came just now.
func (l *lane) piece(data []byte, now time.Time) piece {
	return piece{data: data, came: now, luck: l.rng.Float64()}
}

// due is how long the piece has to wait for its delay: nothing or less when it may go.
func (l *lane) due(p piece, now time.Time) time.Duration {
	delay := l.delay + time.Duration(p.luck*float64(l.jitter))
	return p.came.Add(delay).Sub(now)
}

// admitStream tells how many bytes of a connection's next piece may go now. Where none may, it tells after which time
// to ask again, or [untilChange]. What is admitted counts as gone.
func (l *lane) admitStream(p piece, now time.Time) (n int, wait time.Duration) {
	if l.stalled || l.hole {
		return 0, untilChange
	}
	if wait := l.due(p, now); wait > 0 {
		return 0, wait
	}
	n = len(p.data)
	if n == 0 {
		return 0, 0
	}
	if l.limit != nil && l.limit.left == 0 {
		return 0, untilChange // another connection carries the last bytes at this moment
	}
	if l.rate > 0 {
		if wait := l.free.Sub(now); wait > 0 {
			return 0, wait
		}
		n = min(n, max(1, l.rate/slicesPerSecond))
	}
	if l.limit != nil {
		n = int(min(int64(n), l.limit.left))
		l.limit.left -= int64(n)
	}
	l.spend(n, now)
	l.traffic.Bytes += int64(n)
	return n, 0
}

// A capped stream goes in this many slices a second: enough that it flows, few enough that timers don't matter.
const slicesPerSecond = 50

// admitDatagram tells whether a datagram may go now or is lost, or, where neither, after which time to ask again.
func (l *lane) admitDatagram(p piece, now time.Time) (lost bool, wait time.Duration) {
	if l.cut || l.hole {
		l.traffic.Lost++
		return true, 0
	}
	if l.stalled {
		return false, untilChange
	}
	if wait := l.due(p, now); wait > 0 {
		return false, wait
	}
	if wait := l.free.Sub(now); l.rate > 0 && wait > 0 {
		return false, wait
	}
	l.spend(len(p.data), now)
	l.traffic.Datagrams++
	return false, 0
}

// spend takes the time that n bytes need under the cap.
func (l *lane) spend(n int, now time.Time) {
	if l.rate > 0 {
		l.free = now.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
	}
}

// copies draws how often a datagram that just came goes on: never, once or twice.
func (l *lane) copies() int {
	// Both are drawn whatever the faults are, so that the same seed loses the same datagrams with and without the other.
	loss, duplicate := l.rng.Float64(), l.rng.Float64()
	switch {
	case loss < l.loss:
		l.traffic.Lost++
		return 0
	case duplicate < l.duplicate:
		return 2
	default:
		return 1
	}
}
