package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// belongInterval is how often a node without a cluster looks whether it can have one.
const belongInterval = 100 * time.Millisecond

// belong brings a node that starts for the first time into a cluster: into the one that it finds, or else into a new one
// that it forms with others. It ends when the node is a member.
func (m *Member) belong() {
	tick := time.NewTicker(belongInterval)
	defer tick.Stop()
	complaint := ""
	for m.ClusterID() == "" {
		err := m.tryToBelong(m.life)
		if err != nil && err.Error() != complaint && m.life.Err() == nil {
			complaint = err.Error()
			m.config.Log.Warn("this node has no cluster yet and keeps trying", "reason", err)
		}
		select {
		case <-tick.C:
		case <-m.life.Done():
			return
		}
	}
}

func (m *Member) tryToBelong(ctx context.Context) error {
	promised := m.identity.get().Promise
	if promised != nil && len(m.servers()) > 0 {
		return m.joined(promised.ClusterID) // the cluster that was promised has formed
	}
	neighbours := m.gossip.neighbours()
	member := slices.IndexFunc(neighbours, func(n neighbour) bool { return n.ClusterID != "" })
	switch {
	case promised != nil && promised.Servers[0].RaftID == m.RaftID():
		return m.form(ctx, *promised) // again: not all have promised before this node was stopped
	case promised != nil:
		return nil // the node that proposed the cluster is at work
	case member >= 0:
		return m.askToJoin(ctx, neighbours)
	case m.config.Expect > 0:
		return m.propose(ctx, neighbours)
	default:
		return nil
	}
}

// joined makes the membership durable and tells the others.
func (m *Member) joined(clusterID string) error {
	if err := m.identity.join(clusterID); err != nil {
		return err
	}
	m.config.Log.Info("this node belongs to the cluster", "cluster", clusterID)
	m.gossip.say(func(mine *meta) { mine.ClusterID = clusterID })
	return nil
}

// callJoin asks a node, which must be the leader, to be let in.
const callJoin = "join"

type joinRequest struct {
	RaftID string `json:"raft_id"`
	Label  string `json:"label"`
	Peer   string `json:"peer"`
}

type joinAnswer struct {
	ClusterID string `json:"cluster_id"`
	Refusal   string `json:"refusal,omitempty"`
}

// askToJoin asks the members that gossip knows until one of them, the leader, lets this node in.
func (m *Member) askToJoin(ctx context.Context, neighbours []neighbour) error {
	request, err := json.Marshal(joinRequest{RaftID: m.RaftID(), Label: m.config.Label, Peer: m.PeerAddr()})
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range neighbours {
		if n.ClusterID == "" {
			continue
		}
		b, err := m.peers.call(ctx, n.Peer, callJoin, request)
		if errors.Is(err, ErrNotLeader) {
			continue
		}
		var answer joinAnswer
		if err == nil {
			err = json.Unmarshal(b, &answer)
		}
		if err == nil && answer.Refusal != "" {
			err = fmt.Errorf("the cluster does not let this node in: %s", answer.Refusal)
		}
		if err == nil {
			return m.joined(answer.ClusterID)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// answerJoin lets a node in, as a server without a vote: one that has nothing yet must not count for a majority.
func (m *Member) answerJoin(_ context.Context, b []byte) ([]byte, error) {
	var request joinRequest
	if err := json.Unmarshal(b, &request); err != nil {
		return nil, err
	}
	if !m.Leads() {
		return nil, ErrNotLeader
	}
	if other, taken := m.liveNodeLabelled(request.Label, request.RaftID); taken {
		return json.Marshal(joinAnswer{Refusal: fmt.Sprintf("a live node (%s) is called %q already: start this one with another --node-id", other, request.Label)})
	}
	err := m.raft.AddNonvoter(raft.ServerID(request.RaftID), raft.ServerAddress(request.Peer), 0, enqueueTimeout).Error()
	if err != nil {
		return nil, commitError(err)
	}
	m.config.Log.Info("a node was let in", "node", request.Label, "raft_id", request.RaftID, "peer", request.Peer)
	return json.Marshal(joinAnswer{ClusterID: m.ClusterID()})
}

// liveNodeLabelled finds a live member with that label and another Raft id.
func (m *Member) liveNodeLabelled(label, raftID string) (other string, found bool) {
	for _, n := range m.gossip.neighbours() {
		if n.Label == label && n.RaftID != raftID && n.ClusterID != "" {
			return n.RaftID, true
		}
	}
	return "", false
}
