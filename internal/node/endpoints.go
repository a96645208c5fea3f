package node

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/musterhq/muster/cluster"
)

const (
	// resolveAgain is how often the host names among the registry's addresses are looked up, and resolveTimeout how long
	// that may take for one.
	resolveAgain   = time.Minute
	resolveTimeout = 2 * time.Second
)

// endpoints are the addresses at which the registry's own nodes listen, which no check may reach.
type endpoints struct {
	bound []string
	found atomic.Pointer[[]netip.AddrPort]

	// Of the goroutine that learns.
	addresses []string
	looked    time.Time
}

// newEndpoints knows where this node listens.
func newEndpoints(bound []string) *endpoints {
	e := &endpoints{bound: bound}
	e.learn(nil)
	return e
}

// all are the endpoints as they are now.
func (e *endpoints) all() []netip.AddrPort { return *e.found.Load() }

// learn takes in which nodes there are. It is for one goroutine.
func (e *endpoints) learn(nodes []cluster.Neighbour) {
	addresses := slices.Clone(e.bound)
	for _, n := range nodes {
		addresses = append(addresses, n.HTTP, n.Peer, n.Gossip)
	}
	slices.Sort(addresses)
	addresses = slices.Compact(addresses)
	if slices.Equal(addresses, e.addresses) && time.Since(e.looked) < resolveAgain {
		return
	}
	e.addresses, e.looked = addresses, time.Now()
	var found []netip.AddrPort
	for _, address := range addresses {
		found = append(found, resolve(address)...)
	}
	e.found.Store(&found)
}

// resolve finds the endpoints that an address of the form host:port stands for. A name that nobody knows stands for none.
func resolve(address string) (found []netip.AddrPort) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil
	}
	if host == "" {
		host = netip.IPv6Unspecified().String()
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(ip, uint16(number))}
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTimeout)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for _, ip := range ips {
		found = append(found, netip.AddrPortFrom(ip, uint16(number)))
	}
	return found
}

// bound are the addresses at which this node listens, with the ports that it was given.
func (n *Node) bound() []string {
	return []string{n.http.Addr().String(), n.config.PeerAddr, n.config.GossipAddr, n.member.PeerAddr()}
}

// onLoopback tells whether nobody reaches this node but from its own machine. Then its checks open no way that the one who
// registers does not have anyway.
func (n *Node) onLoopback() bool {
	for _, address := range []string{n.http.Addr().String(), n.config.PeerAddr, n.config.GossipAddr} {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return false
		}
		if ip, err := netip.ParseAddr(host); err == nil && !ip.IsLoopback() || err != nil && host != "localhost" {
			return false
		}
	}
	return true
}
