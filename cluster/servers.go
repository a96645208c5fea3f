package cluster

// Servers are the nodes of the latest configuration under their present names, read replicas included.
func (m *Member) Servers() []Server {
	configured := m.servers()
	servers := make([]Server, len(configured))
	for i, s := range configured {
		servers[i] = serverOf(s)
		servers[i].RaftID = string(s.ID)
		servers[i].Label = m.labelOf(string(s.ID))
	}
	return servers
}
