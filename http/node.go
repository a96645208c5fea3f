package http

import (
	"context"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// Node is what HTTP needs of the node it fronts. All methods are called by the goroutines of requests, many at once.
// Errors are those of packages registry and fault; everything else is answered as an internal error.
type Node interface {
	// State is the newest applied state, never nil.
	State() *registry.State

	// Await returns once the state has applied an index, or with the error of ctx.
	Await(ctx context.Context, index uint64) error

	// Submit has operations decided by the log, all or none, whoever leads. After an error the write was not applied,
	// unless fault.IsUnknown says otherwise.
	Submit(ctx context.Context, ops ...registry.Operation) (fsm.Outcome, error)

	// Freshness is for how long the node can't vouch for its state, and whether it has caught up since its start:
	// before that, its state may lie arbitrarily far back.
	Freshness() (age time.Duration, ready bool)

	// ReadIndex is an index that a majority has confirmed after the call began: a state at or beyond it shows every
	// write that was acknowledged before.
	ReadIndex(ctx context.Context) (uint64, error)

	// ID is the node's label, ClusterID the cluster's id ("" before the node belongs to one) and LeaderHTTP the base URL
	// of the leader ("" where it is unknown).
	ID() string
	ClusterID() string
	LeaderHTTP() string

	// Ready is nil once the node knows a leader and has caught up, and says what is missing until then.
	Ready() error

	// Cluster describes all members, which may mean to ask them; Self describes this node from its own memory.
	Cluster(ctx context.Context) (wire.Cluster, error)
	Self() wire.Self
}
