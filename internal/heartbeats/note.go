package heartbeats

import (
	"context"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/registry"
)

// openTime is for how long the heartbeats of a message wait for the log to say what becomes of a few of them. Then the others
// are answered, and these are sent again.
const openTime = 250 * time.Millisecond

// note has the leases renewed of all heartbeats of a message, as far as that is possible soon: those that had run out are
// revived, and those of which the log is just deciding are waited for. It returns the term in which this node led all the
// while.
func (k *Keeper) note(ctx context.Context, m message, beats []health.Beat) (uint64, error) {
	waiting, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	term, settled := k.leases.Beat(m.via, beats)
	if term == 0 {
		return 0, cluster.ErrNotLeader
	}
	open := unsettled(beats)
	for len(open) > 0 && waiting.Err() == nil {
		k.awaitDecision(waiting, settled, m.label, beats, open)
		once := make([]health.Beat, len(open))
		for n, at := range open {
			once[n] = health.Beat{Service: beats[at].Service, ID: beats[at].ID}
		}
		var now uint64
		if now, settled = k.leases.Beat(m.via, once); now != term {
			return 0, cluster.ErrNotLeader // what was noted in another term holds no more
		}
		for n, at := range open {
			beats[at] = once[n]
		}
		open = unsettled(beats)
	}
	return term, ctx.Err()
}

// unsettled finds the heartbeats that have to be put again.
func unsettled(beats []health.Beat) (open []int) {
	for n, b := range beats {
		if b.Outcome == health.Expired || b.Outcome == health.Pending {
			open = append(open, n)
		}
	}
	return open
}

// awaitDecision returns when the log may have decided on some of the open heartbeats. It is asked to revive leases that have
// run out.
func (k *Keeper) awaitDecision(ctx context.Context, settled <-chan struct{}, label string, beats []health.Beat, open []int) {
	var wanted []registry.ReviveLease
	for _, at := range open {
		if beats[at].Outcome == health.Expired {
			wanted = append(wanted, beats[at].Revival(label))
		}
	}
	var answered <-chan struct{}
	if len(wanted) > 0 {
		answered = k.revivals.ask(ctx, wanted)
	}
	select {
	case <-settled:
	case <-answered:
	case <-ctx.Done():
	}
}
