package cluster

// Neighbour is a node of this cluster as gossip knows it.
type Neighbour struct {
	RaftID, Label      string
	HTTP, Peer, Gossip string // its addresses, host:port
	Alive              bool
}

// Neighbours are the nodes that gossip has heard of since the start, this one included, also those that are gone. A node that
// has not joined the cluster yet is none of them. Nothing may be decided by what gossip says.
func (m *Member) Neighbours() []Neighbour {
	alive := map[string]bool{m.RaftID(): true}
	for _, n := range m.gossip.neighbours() {
		alive[n.RaftID] = true
	}
	m.gossip.mu.Lock()
	defer m.gossip.mu.Unlock()
	ours := m.gossip.mine.ClusterID
	all := make([]Neighbour, 0, len(m.gossip.known))
	for id, n := range m.gossip.known {
		if id == m.RaftID() || ours != "" && n.ClusterID == ours {
			all = append(all, Neighbour{RaftID: id, Label: n.Label, HTTP: n.HTTP, Peer: n.Peer, Gossip: n.Gossip, Alive: alive[id]})
		}
	}
	return all
}
