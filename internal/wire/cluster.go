package wire

import "github.com/musterhq/muster/registry"

// Cluster answers GET /v1/cluster: the cluster as the node that answers sees it.
type Cluster struct {
	ID          string `json:"id"`
	Leader      string `json:"leader,omitempty"` // a label; absent where it is unknown
	Term        uint64 `json:"term"`
	CommitIndex uint64 `json:"commit_index"` // of the last command committed
	Nodes       []Node `json:"nodes"`
}

// Node is one member of a [Cluster].
type Node struct {
	ID           string             `json:"id"`      // the label
	RaftID       string             `json:"raft_id"` // belongs to the data directory
	HTTP         string             `json:"http,omitempty"`
	Peer         string             `json:"peer"`
	Gossip       string             `json:"gossip,omitempty"`
	Zone         string             `json:"zone,omitempty"`
	Datacenter   string             `json:"datacenter,omitempty"`
	Meta         map[string]string  `json:"meta,omitempty"`
	Version      string             `json:"version,omitempty"`
	Role         string             `json:"role"`  // voter or nonvoter
	State        string             `json:"state"` // leader, follower, candidate, shutdown or unknown
	GossipState  string             `json:"gossip_state"`
	AppliedIndex uint64             `json:"applied_index"`          // 0 where it is unknown
	LastContact  *registry.Duration `json:"last_contact,omitempty"` // how long ago; absent where it is unknown
}

// Restored answers PUT /v1/cluster/snapshot: what the state has become.
type Restored struct {
	Index     uint64 `json:"index"` // with which everything is stamped
	Instances int    `json:"instances"`
	Services  int    `json:"services"`
}

// Transfer is the body of POST /v1/cluster/leadership.
type Transfer struct {
	To string `json:"to,omitempty"` // a label or a Raft id; empty is any node
}

// Leadership answers it.
type Leadership struct {
	Leader string `json:"leader"` // the label of the node that leads now
}

// RemovedNode answers DELETE /v1/cluster/nodes/{id}.
type RemovedNode struct {
	ID     string `json:"id"` // the label
	RaftID string `json:"raft_id"`
}

// Self answers GET /v1/cluster/self: one node as it sees itself. Two nodes with the same AppliedIndex have the same
// StateHash.
type Self struct {
	ID           string            `json:"id"`
	ClusterID    string            `json:"cluster_id"`
	State        string            `json:"state"`
	AppliedIndex uint64            `json:"applied_index"`
	StateHash    string            `json:"state_hash"`
	Age          registry.Duration `json:"age"` // for how long it can't vouch for its state; see [HeaderAge]
	Version      string            `json:"version"`
}
