package checks

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/registry"
)

const (
	// maxOperations is how many checks a write is about.
	maxOperations = 512

	// decideTimeout bounds how long a decision may wait for its entry.
	decideTimeout = 5 * time.Second
)

// Log decides how checks stand. [fsm.Writer] is one, and has the errors.
type Log interface {
	Decide(ctx context.Context, what fsm.Write) (fsm.Outcome, error)
}

// Past knows how instances came to look as they do, the newest transition first. [fsm.Machine] does.
type Past interface {
	History(service, id string, upTo uint64) []*record.Transition
}

// Judge is the leader's side: it makes decisions of findings. On a node that does not lead it refuses them. Its methods may be
// called from many goroutines at once.
type Judge struct {
	cluster Cluster
	log     Log
	past    Past
	state   func() (*registry.State, error)

	turn  chan struct{} // full while somebody decides; what stands below is his
	term  uint64        // the one that the bench is of
	bench *bench

	decided, preserved, damped atomic.Uint64
}

// NewJudge makes a judge of findings. state fails while it is not to be believed.
func NewJudge(c Cluster, log Log, past Past, state func() (*registry.State, error)) *Judge {
	return &Judge{cluster: c, log: log, past: past, state: state, turn: make(chan struct{}, 1)}
}

// Decided is how many checks this node has had decided to stand otherwise, Preserved how many of them it has kept against
// silence, and Damped how many findings it has put off since the instance was restless.
func (j *Judge) Decided() uint64 { return j.decided.Load() }

// Preserved is described with [Judge.Decided].
func (j *Judge) Preserved() uint64 { return j.preserved.Load() }

// Damped is described with [Judge.Decided].
func (j *Judge) Damped() uint64 { return j.damped.Load() }

// AnswerFindings answers [CallFindings].
func (j *Judge) AnswerFindings(ctx context.Context, request []byte) ([]byte, error) {
	findings, err := decodeFindings(request)
	if err != nil {
		return nil, err
	}
	return nil, j.decide(ctx, findings)
}

// decide has the log decide on findings, as far as anything follows from them, and returns when it has. One message has its
// turn after the other, each with all that those before it have changed: the brake on silence counts what it lets through.
func (j *Judge) decide(ctx context.Context, findings []Finding) error {
	select {
	case j.turn <- struct{}{}:
		defer func() { <-j.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	term := j.cluster.Leading()
	if term == 0 {
		return cluster.ErrNotLeader
	}
	if term != j.term {
		j.term, j.bench = term, newBench(j.past)
	}
	for len(findings) > 0 {
		state, err := j.state()
		if err != nil {
			return err
		}
		ruling := j.bench.rule(state, time.Now(), findings)
		j.damped.Add(uint64(ruling.damped))
		if err := j.propose(ctx, term, ruling.operations); err != nil {
			if !fault.IsUnknown(err) {
				j.bench.revoke(ruling)
			}
			return err
		}
		findings = ruling.later
	}
	return nil
}

// propose has operations decided and counts what they did.
func (j *Judge) propose(ctx context.Context, term uint64, ops []registry.Operation) error {
	if len(ops) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, decideTimeout)
	defer cancel()
	outcome, err := j.log.Decide(ctx, fsm.Write{Term: term, Operations: ops})
	if err != nil {
		return err
	}
	for n, result := range outcome.Results {
		if !result.Changed {
			continue
		}
		j.decided.Add(1)
		if judgement, ok := ops[n].(registry.JudgeCheck); ok && judgement.Preserved {
			j.preserved.Add(1)
		}
	}
	return nil
}
