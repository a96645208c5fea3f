package cluster

// Commands is the newest version of the log's commands that every server of the configuration reads, those that are away
// included; 0 where one of them does not tell. A leader that proposes a newer one stops whoever can't read it.
//
// While a cluster is upgraded node by node it rises with the last of them, once that has said so for some seconds. It falls
// at once where a node comes back older, which is in time unless newer commands are in the log already.
func (m *Member) Commands() int {
	all := m.config.Commands
	for _, s := range m.servers() {
		reads := serverOf(s).Commands
		if last, ok := m.contact.last(s.ID); ok {
			reads = min(reads, last.Commands)
		}
		all = min(all, reads)
	}
	return all
}
