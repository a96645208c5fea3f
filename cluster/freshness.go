package cluster

import (
	"context"
	"sync/atomic"
	"time"
)

// freshInterval is how often a node asks how far it must have come, where it is not told. It costs the leader one short round with the voters,
// which the questions of all nodes that come together share.
const freshInterval = 200 * time.Millisecond

// freshness knows for how long this node can't vouch for what it shows.
//
// The last contact with the leader would not tell: Raft's heartbeats carry no commit index, so a follower may hear them
// all and miss every write.
type freshness struct {
	vouched atomic.Pointer[time.Time] // when the newest question was sent whose answer is applied here; nil before the first
}

// Age is the time since this node sent the newest question for a confirmed read index whose answer it has applied; ok is
// false as long as there was none since the start: it has not caught up then.
func (m *Member) Age() (age time.Duration, ok bool) {
	vouched := m.freshness.vouched.Load()
	if vouched == nil || m.Expelled() != nil {
		return 0, false
	}
	return time.Since(*vouched), true
}

// keepFresh asks again and again until the member ends or is removed from its cluster, and more often until the first
// answer: the start is not over before.
func (m *Member) keepFresh(ctx context.Context) {
	for m.Expelled() == nil {
		_, changed := m.Leader() // one that comes while this one is asked is asked at once
		m.refresh(ctx)
		pause := m.config.FreshEvery
		if _, caughtUp := m.Age(); !caughtUp {
			pause = retryPause
		}
		select {
		case <-time.After(pause):
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// refresh asks once and waits until the answer is applied. A question whose answer comes late is worth as much as when it
// was sent, so it is not given up for the next one.
func (m *Member) refresh(ctx context.Context) {
	asked := time.Now()
	confirmed, err := m.rounds.ask(ctx)
	if err != nil {
		return // the age grows, which is all there is to say
	}
	if m.config.Machine.Await(ctx, confirmed.applied) == nil {
		m.freshness.vouched.Store(&asked)
	}
}
