package cluster

import (
	"fmt"
	"slices"

	"github.com/hashicorp/raft"
)

// addressBook tells Raft where a server is now: gossip follows a node that came back under another address, Raft's own
// configuration does not.
type addressBook struct{ member *Member }

// ServerAddr is called by Raft before it dials; on an error it takes the address of its configuration.
func (b addressBook) ServerAddr(id raft.ServerID) (raft.ServerAddress, error) {
	n, ok := b.member.gossip.last(string(id))
	if !ok {
		return "", fmt.Errorf("gossip does not know node %s", id)
	}
	return Server{RaftID: string(id), Label: n.Label, Peer: n.Peer}.address(), nil
}

// peerAddress is where a node's peer port is: by gossip, or else by Raft's configuration.
func (m *Member) peerAddress(raftID string) (string, error) {
	if address, err := (addressBook{m}).ServerAddr(raft.ServerID(raftID)); err == nil {
		return string(address), nil
	}
	for _, s := range m.servers() {
		if string(s.ID) == raftID {
			return string(s.Address), nil
		}
	}
	return "", fmt.Errorf("node %s is not known to gossip or to Raft", raftID)
}

// servers is the latest configuration, committed or not.
func (m *Member) servers() []raft.Server {
	servers, _ := m.configuration()
	return servers
}

// configuration is the latest configuration, committed or not, and the index of its entry. A change that names the index
// is refused by Raft where another change came in between.
func (m *Member) configuration() (servers []raft.Server, index uint64) {
	future := m.raft.GetConfiguration() // which is answered from memory, at once
	if future.Error() != nil {
		return nil, 0
	}
	return future.Configuration().Servers, future.Index()
}

// serverIn finds a server by its Raft id.
func serverIn(servers []raft.Server, id raft.ServerID) (raft.Server, bool) {
	i := slices.IndexFunc(servers, func(s raft.Server) bool { return s.ID == id })
	if i < 0 {
		return raft.Server{}, false
	}
	return servers[i], true
}

func (m *Member) voters() []raft.Server {
	var voters []raft.Server
	for _, s := range m.servers() {
		if s.Suffrage == raft.Voter {
			voters = append(voters, s)
		}
	}
	return voters
}
