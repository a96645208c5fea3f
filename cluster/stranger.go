package cluster

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hashicorp/memberlist"
)

// errStranger is why gossip refuses a node.
var errStranger = errors.New("a node of another cluster")

// strangers keeps the nodes of other clusters out of this node's gossip. Memberlist asks it of every node that it hears of,
// so two clusters whose nodes were told of each other never merge their lists. It is asked under memberlist's own lock, and
// must not call it.
type strangers struct{ g *gossip }

// NotifyAlive refuses a node of another cluster. One that is known from the time before it had a cluster is forgotten.
func (s strangers) NotifyAlive(node *memberlist.Node) error {
	err := s.refuse(node)
	if err != nil {
		s.g.forget(node.Name)
	}
	return err
}

// NotifyMerge refuses to speak to a node that knows nobody but nodes of another cluster, so that whoever tried to join it is
// told. Were one of them enough, a node that has met both could not be spoken to by either.
func (s strangers) NotifyMerge(nodes []*memberlist.Node) error {
	var refusal error
	for _, node := range nodes {
		err := s.refuse(node)
		if err == nil {
			return nil
		}
		refusal = err
	}
	return refusal
}

// refuse is nil unless the node belongs to another cluster than this one.
func (s strangers) refuse(node *memberlist.Node) error {
	var m meta
	if err := json.Unmarshal(node.Meta, &m); err != nil {
		return nil //nolint:nilerr // it tells nothing that could be used, and is not listed for that
	}
	ours := s.g.said()
	if !m.strangeTo(ours) {
		return nil
	}
	if s.g.firstMet(m.ClusterID) {
		s.g.log.Warn("gossip has met a node of another cluster and keeps apart from it: let --join name nodes of one cluster only",
			"node", m.Label, "address", node.Address(), "its_cluster", m.ClusterID, "our_cluster", ours.ClusterID)
	}
	return fmt.Errorf("%w: it belongs to %s, and this one to %s", errStranger, m.ClusterID, ours.ClusterID)
}

// strangeTo tells whether two nodes belong to different clusters. One that has none yet may come to either.
func (m meta) strangeTo(other meta) bool {
	return m.ClusterID != "" && other.ClusterID != "" && m.ClusterID != other.ClusterID
}

// firstMet tells whether nodes of a cluster are refused for the first time. They will try again and again.
func (g *gossip) firstMet(clusterID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := !g.met[clusterID]
	g.met[clusterID] = true
	return first
}

// forget drops what was heard of a node, which is not listed any more.
func (g *gossip) forget(raftID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, raftID)
}
