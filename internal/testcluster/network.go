package testcluster

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/musterhq/muster/cluster"
)

// Network is what nodes in one process use to reach each other's peer ports. For each two nodes it has a [Proxy] in either
// direction, so that a test can cut one node off from another and leave the rest alone. Gossip does not pass it.
type Network struct {
	t       testing.TB
	mu      sync.Mutex
	proxies map[pair]*Proxy
}

// pair are the peer addresses of who dials and who is dialled.
type pair struct{ from, to string }

func newNetwork(t testing.TB) *Network {
	n := &Network{t: t, proxies: map[pair]*Proxy{}}
	t.Cleanup(n.close)
	return n
}

// Between is the proxy through which one node dials the other, given by their peer addresses.
func (n *Network) Between(from, to string) *Proxy {
	n.mu.Lock()
	defer n.mu.Unlock()
	p, ok := n.proxies[pair{from, to}]
	if !ok {
		var err error
		if p, err = NewProxy(to); err != nil {
			n.t.Error(err)
			return nil
		}
		n.proxies[pair{from, to}] = p
	}
	return p
}

// Isolate black-holes all that the node at the address says to the others and hears from them.
func (n *Network) Isolate(address string, others ...string) {
	for _, other := range others {
		n.Between(address, other).BlackHole(Both)
		n.Between(other, address).BlackHole(Both)
	}
}

// Heal makes all connections good again.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.proxies {
		p.Heal()
	}
}

func (n *Network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.proxies {
		_ = p.Close()
	}
}

// of is the network as the node with the peer address sees it.
func (n *Network) of(address string) cluster.Network { return side{network: n, address: address} }

type side struct {
	cluster.TCP // for Listen
	network     *Network
	address     string
}

// Dial goes by way of the proxy.
func (s side) Dial(ctx context.Context, address string) (net.Conn, error) {
	return s.TCP.Dial(ctx, s.network.Between(s.address, address).Addr())
}
