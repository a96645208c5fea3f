package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// callStatus asks a node how it stands.
const callStatus = "status"

// statusTimeout is how long to wait for a node's own word before it is listed without.
const statusTimeout = 500 * time.Millisecond

// Node is a node of the cluster as this member sees it.
type Node struct {
	RaftID     string
	Label      string // empty if gossip does not know it any more
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
	State       string // leader, follower, candidate
	Applied     uint64
	LastContact time.Duration // since it heard from the leader; 0 on the leader
}

type status struct {
	State       string        `json:"state"`
	Applied     uint64        `json:"applied"`
	LastContact time.Duration `json:"last_contact"`
}

// Nodes lists the servers of Raft's latest configuration, by label, each asked how it stands.
func (m *Member) Nodes(ctx context.Context) []Node {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	servers := m.servers()
	nodes := make([]Node, len(servers))
	var questions sync.WaitGroup
	for i, s := range servers {
		nodes[i] = m.describe(s)
		questions.Go(func() {
			if st, err := m.statusOf(ctx, string(s.ID)); err == nil {
				nodes[i].State, nodes[i].Applied, nodes[i].LastContact = st.State, st.Applied, st.LastContact
			}
		})
	}
	questions.Wait()
	slices.SortFunc(nodes, func(a, b Node) int {
		return strings.Compare(a.Label+"\x00"+a.RaftID, b.Label+"\x00"+b.RaftID)
	})
	return nodes
}

// describe joins what Raft and gossip know of a server.
func (m *Member) describe(s raft.Server) Node {
	node := Node{RaftID: string(s.ID), Peer: string(s.Address), Voter: s.Suffrage == raft.Voter, Gossiped: "dead"}
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

func (m *Member) statusOf(ctx context.Context, raftID string) (status, error) {
	if raftID == m.RaftID() {
		return m.status(), nil
	}
	answer, err := m.Call(ctx, raftID, callStatus, nil)
	if err != nil {
		return status{}, err
	}
	var st status
	return st, json.Unmarshal(answer, &st)
}

// State is this node's part in Raft: leader, follower, candidate or shutdown.
func (m *Member) State() string { return strings.ToLower(m.raft.State().String()) }

func (m *Member) status() status {
	st := status{State: m.State(), Applied: m.config.Machine.Applied()}
	if contact := m.raft.LastContact(); st.State != "leader" && !contact.IsZero() {
		st.LastContact = time.Since(contact)
	}
	return st
}

func (m *Member) answerStatus(context.Context, []byte) ([]byte, error) {
	return json.Marshal(m.status())
}

// handlePeers sets who answers the member's own calls.
func (m *Member) handlePeers() {
	m.Handle(callTerm, m.answerTerm)
	m.Handle(callReadIndex, m.answerReadIndex)
	m.Handle(callStatus, m.answerStatus)
	m.Handle(callFree, m.answerFree)
	m.Handle(callPromise, m.answerPromise)
	m.Handle(callJoin, m.answerJoin)
}
