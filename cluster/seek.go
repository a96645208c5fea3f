package cluster

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

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
func (m *Member) seekNeighbours(ctx context.Context) {
	complain := time.Now().Add(seekComplaint)
	for {
		m.approach(ctx)
		m.approached.Store(true)
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
		case <-ctx.Done():
			return
		}
	}
}

// firstLook is how long a node that starts waits for the addresses to join to answer before it decides where it belongs.
const firstLook = time.Second

// lookAround waits until all addresses to join have been asked once, or for a moment where some do not answer: a node that has
// found one of two clusters must not take it for the only one.
func (m *Member) lookAround(ctx context.Context) {
	for began := time.Now(); len(m.config.Join) > 0 && !m.approached.Load() && time.Since(began) < firstLook; {
		select {
		case <-time.After(firstLook / 100):
		case <-ctx.Done():
			return
		}
	}
}

// approach asks all nodes to join that gossip does not know, at once: one that is gone must not hold up the others.
func (m *Member) approach(ctx context.Context) {
	known := map[string]bool{}
	for _, n := range m.gossip.neighbours() {
		known[n.Gossip] = true
	}
	var questions sync.WaitGroup
	defer questions.Wait()
	for _, address := range m.config.Join {
		questions.Go(func() {
			endpoints, err := lookup(ctx, address)
			if err != nil {
				m.config.Log.Debug("an address to join can't be resolved", "address", address, "error", err)
			}
			for _, endpoint := range endpoints {
				if known[endpoint] || ctx.Err() != nil {
					continue
				}
				if err := m.gossip.join(endpoint); err != nil {
					m.config.Log.Debug("a node to join did not answer", "address", endpoint, "error", err)
				}
			}
		})
	}
}

// lookup is where the nodes behind an address are: behind one name there may be several.
func lookup(ctx context.Context, address string) ([]string, error) {
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve %q: %w", address, err)
	}
	endpoints := make([]string, len(ips))
	for i, ip := range ips {
		endpoints[i] = netip.AddrPortFrom(ip.Unmap(), uint16(port)).String()
	}
	return endpoints, nil
}
