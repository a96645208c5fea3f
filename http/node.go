package http

import (
	"context"
	"io"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/roster"
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

	// Subscribe and SubscribeAll wake whoever closes the subscription later when one of the services, or any, has changed in
	// the state.
	Subscribe(services ...string) *registry.Subscription
	SubscribeAll() *registry.Subscription

	// History is what is kept of how an instance came to look as it does, the newest first, up to an index.
	History(service, id string, upTo uint64) []*record.Transition

	// Submit has a write decided by the log, whoever leads. After an error the write was not applied, unless
	// fault.IsUnknown says otherwise; where the state refused it, the outcome has the index of that.
	Submit(ctx context.Context, w fsm.Write) (fsm.Outcome, error)

	// Heartbeat renews the leases of instances, whoever leads. After an error some may have been renewed; to send a heartbeat
	// again does no harm.
	Heartbeat(ctx context.Context, beats []wire.Heartbeat) (wire.Renewal, error)

	// Freshness is for how long the node can't vouch for its state, and whether it has caught up since its start:
	// before that, its state may lie arbitrarily far back.
	Freshness() (age time.Duration, ready bool)

	// Sound is nil as long as the state is known for nothing but right, and otherwise says why nobody may see it.
	Sound() error

	// ReadIndex is an index that a majority has confirmed after the call began: a state at or beyond it shows every
	// write that was acknowledged before.
	ReadIndex(ctx context.Context) (uint64, error)

	// Horizon is an index that a majority has confirmed, and beyond which nothing was in the log when the call began.
	Horizon(ctx context.Context) (uint64, error)

	// Roster is the acknowledging watches of this node. Drain waits, for some time, until all of them that watch a service,
	// on every node, have confirmed an index, and says who has not when the time or ctx is over.
	Roster() *roster.Roster
	Drain(ctx context.Context, service string, index uint64, atMost time.Duration) wire.Drained

	// Backup is the newest applied state, to be kept elsewhere.
	Backup() (fsm.Backup, error)

	// Restore replaces the state of the whole cluster by that of a snapshot, which it reads to its end and checks before
	// it proposes anything. It may take long. Its errors are those of Submit, and those of the reader.
	Restore(ctx context.Context, snapshot io.Reader) (fsm.Restored, error)

	// Transfer hands leadership over to the node with this label or Raft id, or to any where it is "", and returns the label
	// of the node that leads then. Remove takes a node out of the configuration, unless that would cost the majority, or
	// even then by force. Both may be called on any node, and wait through an election as Submit does.
	Transfer(ctx context.Context, to string) (leader string, err error)
	Remove(ctx context.Context, node string, force bool) (wire.RemovedNode, error)

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
