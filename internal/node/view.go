package node

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/musterhq/muster/cluster"
	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// never is the age of a state that this node has never been able to vouch for.
const never = time.Duration(math.MaxInt64)

// State is the newest state that this node has applied.
func (n *Node) State() *registry.State { return n.machine.Publisher().State() }

// Await returns once the state has applied an index, or with the error of ctx.
func (n *Node) Await(ctx context.Context, index uint64) error { return n.machine.Await(ctx, index) }

// Subscribe wakes when one of the services has changed; see [registry.Publisher.Subscribe].
func (n *Node) Subscribe(services ...string) *registry.Subscription {
	return n.machine.Publisher().Subscribe(services...)
}

// SubscribeAll wakes when any service has changed.
func (n *Node) SubscribeAll() *registry.Subscription { return n.machine.Publisher().SubscribeAll() }

// History is how an instance came to look as it does, as far as it is kept; see [fsm.Machine.History].
func (n *Node) History(service, id string, upTo uint64) []*record.Transition {
	return n.machine.History(service, id, upTo)
}

// Submit has a write applied by the cluster; see [fsm.Writer.Submit].
func (n *Node) Submit(ctx context.Context, w fsm.Write) (fsm.Outcome, error) {
	if err := n.member.Expelled(); err != nil {
		return fsm.Outcome{}, err // no leader will come
	}
	return n.writer.Submit(ctx, w)
}

// Freshness is for how long this node can't vouch for its state, and whether it may answer from it at all.
func (n *Node) Freshness() (age time.Duration, ready bool) {
	age, ready = n.member.Age()
	if !ready {
		return never, n.config.AllowStaleStart && n.member.Expelled() == nil
	}
	return age, true
}

// Sound is nil unless the state was found to be wrong, and is being replaced.
func (n *Node) Sound() error { return n.machine.Sound() }

// ReadIndex is an index that covers every write acknowledged before the call; see [cluster.Member.ReadIndex].
func (n *Node) ReadIndex(ctx context.Context) (uint64, error) { return n.member.ReadIndex(ctx) }

// Horizon is an index beyond which nothing was committed when the call began; see [cluster.Member.Horizon].
func (n *Node) Horizon(ctx context.Context) (uint64, error) { return n.member.Horizon(ctx) }

// ID is the node's name.
func (n *Node) ID() string { return n.config.ID }

// ClusterID is the cluster that the node belongs to, empty as long as there is none.
func (n *Node) ClusterID() string { return n.member.ClusterID() }

// LeaderHTTP is the base URL of the leader's API, empty if unknown.
func (n *Node) LeaderHTTP() string { return baseURL(n.member.LeaderHTTP()) }

// HTTPAddr is where the API is reached.
func (n *Node) HTTPAddr() string { return cmp.Or(n.config.AdvertiseHTTP, n.http.Addr().String()) }

// PeerAddr is where other nodes reach this one.
func (n *Node) PeerAddr() string { return n.member.PeerAddr() }

// GossipAddr is where gossip reaches this node.
func (n *Node) GossipAddr() string { return n.member.GossipAddr() }

// Ready is nil once the node knows a leader and has caught up since its start.
func (n *Node) Ready() error {
	if err := n.member.Expelled(); err != nil {
		return err
	}
	if err := n.Sound(); err != nil {
		return err
	}
	if leader, _ := n.member.Leader(); leader == "" {
		return fmt.Errorf("%w: %s", fault.ErrNoLeader, n.member.Electorate())
	}
	if _, caughtUp := n.member.Age(); !caughtUp {
		return fmt.Errorf("%w: not caught up since the start, applied up to %d so far", fault.ErrNotReady, n.machine.Applied())
	}
	return nil
}

// Self describes this node.
func (n *Node) Self() wire.Self {
	image := n.machine.Image()
	age, _ := n.Freshness()
	return wire.Self{
		ID:           n.config.ID,
		ClusterID:    image.ClusterID,
		State:        n.member.State(),
		AppliedIndex: image.Index,
		StateHash:    image.Hash.String(),
		Age:          registry.Duration(age),
		Version:      n.config.Version,
	}
}

// Cluster describes all nodes, each asked how it stands.
func (n *Node) Cluster(ctx context.Context) (wire.Cluster, error) {
	nodes := n.member.Nodes(ctx)
	c := wire.Cluster{
		ID:          n.ClusterID(),
		Leader:      n.member.LeaderLabel(),
		Term:        n.member.Term(),
		CommitIndex: n.machine.Applied(),
		Nodes:       make([]wire.Node, len(nodes)),
	}
	for i, of := range nodes {
		c.Nodes[i] = describe(of)
		c.CommitIndex = max(c.CommitIndex, of.Applied) // what one node has applied is committed
	}
	return c, nil
}

func describe(of cluster.Node) wire.Node {
	described := wire.Node{
		ID:           of.Label,
		RaftID:       of.RaftID,
		HTTP:         baseURL(of.HTTP),
		Peer:         of.Peer,
		Gossip:       of.Gossip,
		Zone:         of.Zone,
		Datacenter:   of.Datacenter,
		Meta:         of.Meta,
		Version:      of.Version,
		Role:         "nonvoter",
		State:        cmp.Or(of.State, "unknown"),
		GossipState:  of.Gossiped,
		AppliedIndex: of.Applied,
	}
	if of.Voter {
		described.Role = "voter"
	}
	if of.LastContact != nil {
		contact := registry.Duration(*of.LastContact)
		described.LastContact = &contact
	}
	return described
}

func baseURL(address string) string {
	if address == "" {
		return ""
	}
	return "http://" + address
}
