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

const (
	// belongInterval is how often a node without a cluster looks whether it can have one.
	belongInterval = 100 * time.Millisecond

	// belongTimeout is how long one other node may take to answer on the way there.
	belongTimeout = 5 * time.Second
)

// waiting says why a node has no cluster yet where nothing is wrong: others have to come first, or to act. It is told
// only when it takes long.
type waiting struct{ error }

// belong brings a node that starts for the first time into a cluster: into the one that it finds, or else into a new one
// that it forms with others. It ends when the node is a member.
func (m *Member) belong(ctx context.Context) {
	m.lookAround(ctx)
	tick := time.NewTicker(belongInterval)
	defer tick.Stop()
	began := time.Now()
	complaint := ""
	for m.ClusterID() == "" {
		err := m.tryToBelong(ctx)
		_, waits := errors.AsType[waiting](err)
		tell := err != nil && ctx.Err() == nil && !(waits && time.Since(began) < seekComplaint)
		if tell && err.Error() != complaint {
			complaint = err.Error()
			m.config.Log.Warn("this node has no cluster yet and keeps trying", "reason", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (m *Member) tryToBelong(ctx context.Context) error {
	promised := m.identity.get().Promise
	if promised != nil && len(m.servers()) > 0 {
		return m.joined(promised.ClusterID, len(promised.Servers)) // the cluster that was promised has formed
	}
	neighbours := m.gossip.neighbours()
	members := slices.DeleteFunc(slices.Clone(neighbours), func(n neighbour) bool { return n.ClusterID == "" })
	switch {
	case promised != nil && promised.Servers[0].RaftID == m.RaftID():
		return m.form(ctx, *promised) // again: not all have promised before this node was stopped
	case promised != nil:
		first := promised.Servers[0]
		return waiting{fmt.Errorf("it has promised itself to cluster %s, which node %q at %s was to form: start that node again, or, if it is lost, empty the data directories of all that promised", promised.ClusterID, first.Label, first.Peer)}
	case len(members) > 0:
		return m.askToJoin(ctx, members)
	case m.config.Expect > 0:
		return m.propose(ctx, neighbours)
	default:
		return waiting{errors.New("no node of a cluster has been found")}
	}
}

// joined makes the membership durable and tells the others.
func (m *Member) joined(clusterID string, founders int) error {
	if err := m.identity.join(clusterID, founders); err != nil {
		return err
	}
	m.config.Log.Info("this node belongs to the cluster", "cluster", clusterID)
	m.gossip.say(func(mine *meta) { mine.ClusterID = clusterID })
	return nil
}

// callJoin asks a node, which must be the leader, to be let in.
const callJoin = "join"

type joinAnswer struct {
	ClusterID string `json:"cluster_id"`
	Founders  int    `json:"founders"`
	Refusal   string `json:"refusal,omitempty"`
}

// askToJoin asks the members that gossip knows until one of them, the leader, lets this node in.
func (m *Member) askToJoin(ctx context.Context, members []neighbour) error {
	for _, n := range members[1:] {
		if n.ClusterID != members[0].ClusterID {
			return fmt.Errorf("it finds nodes of two clusters, %s (%q) and %s (%q): let --join name nodes of one only",
				members[0].ClusterID, members[0].Label, n.ClusterID, n.Label)
		}
	}
	request, err := json.Marshal(Server{RaftID: m.RaftID(), Label: m.config.Label, Peer: m.PeerAddr(), Commands: m.config.Commands})
	if err != nil {
		return err
	}
	var errs []error
	for _, n := range members {
		answer, err := m.askMember(ctx, n, request)
		if err == nil {
			return m.joined(answer.ClusterID, answer.Founders)
		}
		if !errors.Is(err, ErrNotLeader) {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return waiting{fmt.Errorf("cluster %s has no leader that could let it in", members[0].ClusterID)}
	}
	return errors.Join(errs...)
}

func (m *Member) askMember(ctx context.Context, n neighbour, request []byte) (joinAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, belongTimeout)
	defer cancel()
	var answer joinAnswer
	b, err := m.peers.call(ctx, Server{RaftID: n.RaftID, Label: n.Label, Peer: n.Peer}.String(), callJoin, request)
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return answer, fmt.Errorf("node %q gave an answer that can't be read: %w", n.Label, err)
	}
	if answer.Refusal != "" {
		return answer, fmt.Errorf("the cluster does not let this node in: %s", answer.Refusal)
	}
	return answer, nil
}

// answerJoin lets a node in, as a server without a vote: one that has nothing yet must not count for a majority.
func (m *Member) answerJoin(ctx context.Context, b []byte) ([]byte, error) {
	var request Server
	if err := json.Unmarshal(b, &request); err != nil {
		return nil, err
	}
	m.letIn.Lock() // of two that come under one label, the second must see the first
	defer m.letIn.Unlock()
	if !m.Leads() || m.ClusterID() == "" {
		return nil, ErrNotLeader
	}
	if err := validLabel(request.Label); err != nil {
		return json.Marshal(joinAnswer{Refusal: err.Error()})
	}
	if other, taken := m.holder(request.Label, request.RaftID); taken {
		return json.Marshal(joinAnswer{Refusal: fmt.Sprintf("a live node (%s) is called %q already: start this one with another --node-id; "+
			"if it is to take the place of that node, it is let in when that one has been out of contact for %s", other.ID, request.Label, m.config.pace.replace)})
	}
	if used := m.Commands(); request.Commands < used {
		return json.Marshal(joinAnswer{Refusal: fmt.Sprintf("it reads commands up to version %d, and the cluster uses version %d: start a newer muster", request.Commands, used)})
	}
	m.contact.hear(raft.ServerID(request.RaftID))
	err := m.settled(ctx, m.raft.AddNonvoter(raft.ServerID(request.RaftID), request.address(), 0, enqueueTimeout))
	if err != nil {
		return nil, commitError(err)
	}
	m.config.Log.Info("a node was let in", "node", request.Label, "raft_id", request.RaftID, "peer", request.Peer)
	return json.Marshal(joinAnswer{ClusterID: m.ClusterID(), Founders: m.identity.get().Founders})
}
