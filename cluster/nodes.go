package cluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// listTimeout is how long to wait for a node's own word before it is listed without.
const listTimeout = 500 * time.Millisecond

// Node is a node of the cluster as this member sees it.
type Node struct {
	RaftID     string
	Label      string
	HTTP       string // host:port of its API
	Peer       string
	Gossip     string
	Zone       string
	Datacenter string
	Version    string
	Meta       map[string]string
	Voter      bool
	Gossiped   string // alive or dead

	// What the node says of itself; zero if it does not answer.
	State   string // leader, follower, candidate
	Applied uint64

	// LastContact is the time since it heard from the leader, 0 on the leader. Of a node that does not answer it is what
	// the leader says, and nil where nobody does.
	LastContact *time.Duration
}

// Nodes lists the servers of Raft's latest configuration, by label, each asked how it stands.
func (m *Member) Nodes(ctx context.Context) []Node {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	servers := m.servers()
	answers := m.statuses(ctx, servers)
	leader, _ := m.Leader()
	missed := answers[raft.ServerID(leader)].Missed
	nodes := make([]Node, len(servers))
	for i, s := range servers {
		nodes[i] = m.describe(s)
		if st, ok := answers[s.ID]; ok {
			nodes[i].State, nodes[i].Applied, nodes[i].LastContact = st.State, st.Applied, &st.LastContact
		} else if silence, ok := missed[s.ID]; ok {
			nodes[i].LastContact = &silence
		}
	}
	slices.SortFunc(nodes, func(a, b Node) int {
		return strings.Compare(a.Label+"\x00"+a.RaftID, b.Label+"\x00"+b.RaftID)
	})
	return nodes
}

// describe joins what Raft and gossip know of a server.
func (m *Member) describe(s raft.Server) Node {
	at := serverOf(s)
	node := Node{RaftID: string(s.ID), Label: at.Label, Peer: at.Peer, Voter: s.Suffrage == raft.Voter, Gossiped: "dead"}
	if n, ok := m.gossip.last(string(s.ID)); ok {
		node.Label, node.HTTP, node.Peer, node.Gossip = n.Label, n.HTTP, n.Peer, n.Gossip
		node.Zone, node.Datacenter, node.Version, node.Meta = n.Zone, n.DC, n.Version, n.Extra
	}
	if m.gossip.alive(string(s.ID)) {
		node.Gossiped = "alive"
	}
	return node
}

// LeaderHTTP is the address of the API of the leader, empty if unknown.
func (m *Member) LeaderHTTP() string {
	leader, _ := m.Leader()
	if leader == "" {
		return ""
	}
	if leader == m.RaftID() {
		return m.config.AdvertiseHTTP
	}
	n, _ := m.gossip.last(leader)
	return n.HTTP
}

// LeaderLabel is the name of the leader, empty if unknown.
func (m *Member) LeaderLabel() string {
	leader, _ := m.Leader()
	if leader == "" {
		return ""
	}
	return m.labelOf(leader)
}

// labelOf is the name of a node, or its Raft id where the name is not known.
func (m *Member) labelOf(raftID string) string {
	if n, ok := m.gossip.last(raftID); ok {
		return n.Label
	}
	for _, s := range m.servers() {
		if string(s.ID) == raftID {
			return cmp.Or(serverOf(s).Label, raftID)
		}
	}
	return raftID
}

// Electorate says how an election stands, for errors: which term, and how many of the voters are seen.
func (m *Member) Electorate() string {
	voters := m.voters()
	if len(voters) == 0 {
		return "this node belongs to no cluster yet"
	}
	seen := 0
	for _, v := range voters {
		if m.gossip.alive(string(v.ID)) {
			seen++
		}
	}
	return fmt.Sprintf("waiting for a leader (term %d, %d of %d voters seen)", m.Term(), seen, len(voters))
}

// handlePeers sets who answers the member's own calls.
func (m *Member) handlePeers() {
	m.Handle(callTerm, m.answerTerm)
	m.Handle(callReadIndex, m.answerReadIndex)
	m.Handle(callStatus, m.answerStatus)
	m.Handle(callFree, m.answerFree)
	m.Handle(callPromise, m.answerPromise)
	m.Handle(callJoin, m.answerJoin)
	m.Handle(callBelongs, m.answerBelongs)
	m.Handle(callTransfer, m.answerTransfer)
	m.Handle(callRemove, m.answerRemove)
}
