package cluster

import "time"

const (
	// seekSoon and seekLate space the tries to reach the nodes of --join: soon while this node is alone, late to find
	// again those that gossip lost in a long partition.
	seekSoon = 250 * time.Millisecond
	seekLate = 10 * time.Second

	// seekComplaint is how long this node may stay alone before the operator is told, again and again.
	seekComplaint = 5 * time.Second
)

// seekNeighbours asks the addresses that the operator gave until gossip knows the nodes behind them, for as long as the
// member lives: memberlist gives up on nodes that were away for a while, and nobody else would bring them back.
func (m *Member) seekNeighbours() {
	complain := time.Now().Add(seekComplaint)
	for {
		missing := m.missingNeighbours()
		if len(missing) > 0 {
			if _, err := m.gossip.join(missing); err != nil {
				m.config.Log.Debug("a node to join did not answer", "addresses", missing, "error", err)
			}
		}
		pause := seekLate
		if len(m.config.Join) > 0 && len(m.gossip.neighbours()) < 2 {
			pause = seekSoon
			if time.Now().After(complain) {
				m.config.Log.Warn("no node answers at the addresses to join: check that they are the others' gossip addresses, "+
					"that those nodes run, and that TCP and UDP get through; still trying", "join", m.config.Join)
				complain = time.Now().Add(6 * seekComplaint)
			}
		}
		select {
		case <-time.After(pause):
		case <-m.life.Done():
			return
		}
	}
}

// missingNeighbours are the addresses to join behind which gossip knows no live node.
func (m *Member) missingNeighbours() []string {
	known := map[string]bool{}
	for _, n := range m.gossip.neighbours() {
		known[n.Gossip] = true
	}
	var missing []string
	for _, address := range m.config.Join {
		if ip, port, err := resolveAddress(address); err != nil || !known[joinAddress(ip, port)] {
			missing = append(missing, address)
		}
	}
	return missing
}
