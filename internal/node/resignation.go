package node

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/cluster"
)

// callFit asks a node whether it is fit to lead.
const callFit = "fit"

const (
	// resignInterval is how often a node looks whether it leads and should not.
	resignInterval = 100 * time.Millisecond

	// fitTimeout is how long another node may take to say whether it is fit.
	fitTimeout = 500 * time.Millisecond

	// A node that is elected again soon after it has resigned waits longer each time, lest the leadership wander between
	// nodes that all should not have it.
	firstResignPause = time.Second
	lastResignPause  = 30 * time.Second
)

// electorate is what a [resignation] needs of the membership. [cluster.Member] is one. Its methods are called from several
// goroutines at once.
type electorate interface {
	RaftID() string
	Leads() bool

	// Leader is who leads; changed is closed when that is another one.
	Leader() (raftID string, changed <-chan struct{})

	// Voters are the Raft ids of all voters.
	Voters() []string

	// Call asks another node.
	Call(ctx context.Context, raftID, name string, request []byte) ([]byte, error)

	// HandOverTo gives leadership to another voter.
	HandOverTo(ctx context.Context, raftID string) error
}

// resignation gives leadership away as long as this node is not fit to lead, to a voter that says it is.
type resignation struct {
	cluster electorate
	unfit   func() error // why this node should not lead; nil as long as it may
	log     *slog.Logger

	stuck atomic.Bool // this node leads, should not, and found nobody to take it

	// For run alone.
	pause     time.Duration
	attempted time.Time
}

// run gives leadership away whenever that is due, until ctx ends.
func (r *resignation) run(ctx context.Context) {
	tick := time.NewTicker(resignInterval)
	defer tick.Stop()
	for {
		_, changed := r.cluster.Leader()
		r.look(ctx)
		select {
		case <-tick.C:
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// look resigns if it must and has not just tried.
func (r *resignation) look(ctx context.Context) {
	reason := r.unfit()
	if reason == nil || !r.cluster.Leads() {
		r.stuck.Store(false)
		return
	}
	since := time.Since(r.attempted)
	switch {
	case since < r.pause:
		r.stuck.Store(true)
		return
	case since > r.pause+lastResignPause:
		r.pause = firstResignPause
	default:
		r.pause = min(2*r.pause, lastResignPause)
	}
	err := r.resign(ctx, reason)
	r.attempted = time.Now()
	if err != nil && !r.stuck.Swap(true) {
		r.log.Warn("this node should not lead, and could not hand leadership over", "reason", reason, "error", err)
	}
}

// resign hands over to the first voter that is fit and takes it.
func (r *resignation) resign(ctx context.Context, reason error) error {
	err := errNobodyFit
	for _, id := range r.fitVoters(ctx) {
		r.log.Info("this node gives leadership away", "reason", reason)
		if err = r.cluster.HandOverTo(ctx, id); err == nil {
			return nil
		}
	}
	return err
}

// fitVoters asks all other voters at once, and keeps the order of those that say they are fit.
func (r *resignation) fitVoters(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, fitTimeout)
	defer cancel()
	voters := r.cluster.Voters()
	fit := make([]bool, len(voters))
	var questions sync.WaitGroup
	for i, id := range voters {
		if id == r.cluster.RaftID() {
			continue
		}
		questions.Go(func() {
			answer, err := r.cluster.Call(ctx, id, callFit, nil)
			fit[i] = err == nil && string(answer) == answerFit
		})
	}
	questions.Wait()
	var found []string
	for i, id := range voters {
		if fit[i] {
			found = append(found, id)
		}
	}
	return found
}

const (
	answerFit   = "fit"
	answerUnfit = "unfit"
)

// answerFitness is this node's answer to [callFit].
func (r *resignation) answerFitness(context.Context, []byte) ([]byte, error) {
	answer := answerFit
	if r.unfit() != nil {
		answer = answerUnfit
	}
	return []byte(answer), nil
}

// refusal is what a write that comes to this node as the leader is answered. While there is hope that another node takes
// over, the write waits for it, as through an election.
func (r *resignation) refusal() error {
	reason := r.unfit()
	if reason != nil && !r.stuck.Load() {
		return cluster.ErrNotLeader
	}
	return reason
}
