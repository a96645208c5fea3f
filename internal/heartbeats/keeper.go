package heartbeats

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/health"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Office is what a [Keeper] needs of the membership to know whether this node leads, and whom to ask. [cluster.Member] is
// one. Its methods are called from many goroutines at once.
type Office interface {
	RaftID() string

	// Leading is the term in which this node leads and has applied what earlier leaders have committed, 0 if there is none;
	// Term is the newest that it has heard of.
	Leading() uint64
	Term() uint64

	// ReadIndex returns once a majority has confirmed, after the call, who leads.
	ReadIndex(ctx context.Context) (uint64, error)

	// Voters are the Raft ids of all voters. Call asks another node, Stream does so where the answer is long.
	Voters() []string
	Call(ctx context.Context, raftID, name string, request []byte) ([]byte, error)
	Stream(ctx context.Context, raftID, name string, request []byte) (io.ReadCloser, error)
}

// Log decides what becomes of leases. [fsm.Writer] is one, and has the errors.
type Log interface {
	Decide(ctx context.Context, what fsm.Write) (fsm.Outcome, error)
}

// Keeper is the leader's side: it takes heartbeats, and has leases expire for which none come. On a node that does not lead
// it does nothing. Its methods may be called from many goroutines at once.
type Keeper struct {
	office Office
	log    Log
	leases *health.Leases
	state  func() (*registry.State, error)
	logger *slog.Logger

	passers  passers
	revivals *revivals
	writes   chan struct{} // a place for each that is under way

	expired, reaped, revived atomic.Uint64
}

// NewKeeper makes a keeper of leases, which must observe the same state that state shows; that fails while the state is not
// to be believed.
func NewKeeper(office Office, log Log, leases *health.Leases, state func() (*registry.State, error), logger *slog.Logger) *Keeper {
	return &Keeper{office: office, log: log, leases: leases, state: state, logger: logger, revivals: newRevivals(), writes: make(chan struct{}, maxWrites)}
}

// Expired is how many leases have run out by this node's decision, Reaped how many instances were deregistered after that,
// and Revived how many leases a heartbeat came for after all.
func (k *Keeper) Expired() uint64 { return k.expired.Load() }

// Reaped is described with [Keeper.Expired].
func (k *Keeper) Reaped() uint64 { return k.reaped.Load() }

// Revived is described with [Keeper.Expired].
func (k *Keeper) Revived() uint64 { return k.revived.Load() }

// AnswerBeats answers [CallBeats].
func (k *Keeper) AnswerBeats(ctx context.Context, request []byte) ([]byte, error) {
	m, err := decodeMessage(request)
	if err != nil {
		return nil, err
	}
	verdicts, err := k.accept(ctx, m)
	return encodeVerdicts(verdicts), err
}

// accept notes heartbeats and says what became of them, once a majority has confirmed that this node led when it noted the
// last of them. Before that another leader may have let the leases run out.
func (k *Keeper) accept(ctx context.Context, m message) ([]verdict, error) {
	if k.office.Leading() == 0 {
		return nil, cluster.ErrNotLeader
	}
	k.passers.note(m.via)
	beats := make([]health.Beat, len(m.beats))
	for n, of := range m.beats {
		beats[n] = health.Beat{Service: of.Service, ID: of.ID}
	}
	term, err := k.note(ctx, m, beats)
	if err != nil {
		return nil, err
	}
	k.passers.note(m.via)   // once more: it may have been given up for silent in between, and now has leases again
	state, err := k.state() // after the leases were looked at, before the leadership is confirmed
	if err != nil {
		return nil, err
	}
	if _, err := k.office.ReadIndex(ctx); err != nil {
		return nil, err
	}
	if k.office.Term() != term || k.office.Leading() != term {
		return nil, fmt.Errorf("%w: it changed while heartbeats were taken", fault.ErrNoLeader)
	}
	verdicts := make([]verdict, len(beats))
	for n, of := range beats {
		verdicts[n] = judge(state, m.beats[n], of.Outcome)
	}
	return verdicts, nil
}

// judge says what a heartbeat is answered.
func judge(state *registry.State, beat wire.Heartbeat, outcome health.Outcome) verdict {
	if outcome == health.Expired || outcome == health.Pending {
		return again
	}
	if outcome == health.Renewed && beat.Digest == "" {
		return renewed
	}
	i, err := state.Instance(beat.Service, beat.ID)
	switch {
	case err != nil && outcome == health.Renewed:
		return again // it is just being deregistered
	case err != nil:
		return missing
	case outcome == health.Unknown && i.Lease != nil:
		return again // it is just being registered
	case beat.Digest != "" && beat.Digest != record.Digest(i):
		return differs
	default:
		return renewed
	}
}
