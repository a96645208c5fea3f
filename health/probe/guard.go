package probe

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// Guard says which addresses a question may go to. It judges where a connection is dialled, by the address that a name has
// resolved to, so that no name leads around it. The zero Guard forbids, in this order:
//
//  1. the registry's own endpoints (Own), and what is no single machine: unspecified, multicast, broadcast. Nothing opens these;
//  2. what Deny holds;
//  3. what is left of these, unless Allow holds it: link-local addresses and the other well-known addresses of a cloud's
//     metadata service, and loopback.
//
// Everything else is allowed, private networks too. An IPv6 address that stands for an IPv4 address, as those of
// translators and tunnels do, must be allowed both as what it is and as what it stands for.
type Guard struct {
	// Loopback lets questions go to loopback addresses. It is for nodes that are themselves bound to loopback, and so are
	// no way in from outside.
	Loopback bool

	// Own returns the endpoints of the registry's nodes as they are now; nil is none. An unspecified address is every
	// address of this machine. It is called at every dial and must not block.
	Own func() []netip.AddrPort

	// Allow and Deny are the operator's exceptions. Deny wins.
	Allow, Deny []netip.Prefix
}

// ForbiddenError says that a question may not go where it was meant to go.
type ForbiddenError struct {
	Address netip.AddrPort // as it was dialled
	Reason  string
}

// Error says what is forbidden and why.
func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("checks of %s are forbidden: %s", e.Address, e.Reason)
}

// Judge returns a [ForbiddenError] where no question may go to the address.
func (g *Guard) Judge(to netip.AddrPort) error {
	for _, face := range faces(to.Addr()) {
		if reason := g.forbids(face, to.Port()); reason != "" {
			return &ForbiddenError{Address: to, Reason: reason}
		}
	}
	return nil
}

// control judges each address that a dialer is about to connect to.
func (g *Guard) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("the address %q can't be judged: %w", address, err)
	}
	return g.Judge(to)
}

// forbids says why a question may not go to an address, if so.
func (g *Guard) forbids(a netip.Addr, port uint16) string {
	switch {
	case g.isOwn(a, port):
		return "the registry itself listens there"
	case a.IsUnspecified() || thisNetwork.Contains(a):
		return "it is no machine's address"
	case a.IsMulticast() || a == broadcast:
		return "it is the address of many machines"
	case holds(g.Deny, a):
		return "the operator of the registry denies it (--check-deny)"
	case holds(g.Allow, a):
		return ""
	case a.IsLinkLocalUnicast():
		return "it is link-local (--check-allow would allow it)"
	case isMetadata(a):
		return "it is that of a metadata service (--check-allow would allow it)"
	case a.IsLoopback() && !g.Loopback:
		return "it is loopback, and this node is not bound to loopback (--check-allow would allow it)"
	default:
		return ""
	}
}

// isOwn tells whether a node of the registry listens there.
func (g *Guard) isOwn(a netip.Addr, port uint16) bool {
	if g.Own == nil {
		return false
	}
	for _, own := range g.Own() {
		if own.Port() != port {
			continue
		}
		if at := own.Addr().WithZone("").Unmap(); at == a || at.IsUnspecified() && ofThisMachine(a) {
			return true
		}
	}
	return false
}

// ofThisMachine tells whether an address is one of this machine's. Where they can't be listed, it may be any.
func ofThisMachine(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, address := range addresses {
		if p, err := netip.ParsePrefix(address.String()); err == nil && p.Addr().WithZone("").Unmap() == a {
			return true
		}
	}
	return false
}
