package audit

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/record"
)

const (
	// Interval is the time between two comparisons, give or take a fifth, so that the nodes don't all ask at once. For about
	// so long a wrong state may be shown before it is noticed.
	Interval = 10 * time.Second

	// firstRound is how soon the first one comes: what a node has loaded at its start was not compared yet.
	firstRound = time.Second

	// answerTimeout is how long another node may take to say what hash it has.
	answerTimeout = 2 * time.Second
)

// Cluster is what an [Auditor] needs of the membership. [cluster.Member] is one. Its methods are called from several
// goroutines at once.
type Cluster interface {
	RaftID() string

	// Leads tells whether this node is the leader.
	Leads() bool

	// Voters are the Raft ids of all voters.
	Voters() []string

	// Call asks another node, Stream does so where the answer is long.
	Call(ctx context.Context, raftID, name string, request []byte) ([]byte, error)
	Stream(ctx context.Context, raftID, name string, request []byte) (io.ReadCloser, error)

	// TakeSnapshot has Raft take a snapshot of the machine's state.
	TakeSnapshot(ctx context.Context) error
}

// Auditor compares this node's state with that of the others. Its methods may be called from many goroutines at once.
type Auditor struct {
	cluster Cluster
	machine *fsm.Machine
	log     *slog.Logger

	disagreeing atomic.Int64
	rebuilds    atomic.Uint64
}

// New makes an auditor of this node's machine.
func New(cluster Cluster, machine *fsm.Machine, log *slog.Logger) *Auditor {
	return &Auditor{cluster: cluster, machine: machine, log: log}
}

// Disagreeing is how many voters had another state than this node at the last comparison.
func (a *Auditor) Disagreeing() int { return int(a.disagreeing.Load()) }

// Rebuilds is how often this node's state was found to be wrong since the start.
func (a *Auditor) Rebuilds() uint64 { return a.rebuilds.Load() }

// Run compares until ctx ends, at about the interval, and rebuilds where that is due.
func (a *Auditor) Run(ctx context.Context, interval time.Duration) {
	pause := min(firstRound, interval)
	for {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		pause = interval*4/5 + rand.N(interval*2/5) //nolint:gosec // nobody gains from guessing it
		if v, compared := a.compare(ctx); compared {
			a.tell(v)
			if v.wrong() {
				a.rebuild(ctx, v)
				pause = min(firstRound, interval) // whether it is right now
			}
		}
	}
}

// compare asks all voters for their hash at the newest index of this node. Without a state that this node stands for there is
// nothing to compare.
func (a *Auditor) compare(ctx context.Context) (verdict, bool) {
	index := a.machine.Applied()
	mine, ok := a.machine.HashAt(index)
	if !ok || index == 0 {
		return verdict{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	voters := a.cluster.Voters()
	v := verdict{index: index, mine: mine, voters: len(voters), held: map[record.Hash][]string{}}
	var mu sync.Mutex
	var questions sync.WaitGroup
	for _, id := range voters {
		questions.Go(func() {
			hash, known := mine, true
			if id != a.cluster.RaftID() {
				hash, known = a.askHash(ctx, id, index)
			}
			if !known {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			v.held[hash] = append(v.held[hash], id)
		})
	}
	questions.Wait()
	return v, true
}

// tell raises an alarm when nodes begin to disagree, and says when they agree again.
func (a *Auditor) tell(v verdict) {
	before := a.disagreeing.Swap(int64(v.disagreeing()))
	log := a.log.With("index", v.index, "state_hash", v.mine, "others", v.others())
	switch {
	case v.disagreeing() > 0 && before == 0 && !v.wrong():
		log.Error("nodes hold different states at one index; as long as no majority of the voters agrees against this node, it goes on with its own")
	case v.disagreeing() == 0 && before > 0:
		log.Info("the nodes that answer hold the same state again")
	}
}
